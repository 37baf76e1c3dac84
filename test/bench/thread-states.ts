/** What is exported of threads, against what the threads know of themselves: the greatest error of each state over some runs of ten seconds. */
import { answersOf, askOracle, type OracleAnswer } from '../support/thread-oracle.ts';
import type { Row } from './table.ts';

const ROUNDS = 3;
const SECONDS = 10;

export async function threadStates(): Promise<readonly Row[]> {
  const runs: (readonly OracleAnswer[])[] = [];
  for (let round = 0; round < ROUNDS; round++) runs.push(answersOf(await askOracle(SECONDS)));
  const states = new Set(runs.flatMap((answers) => answers.map(({ state }) => state)));
  return [...states].map((state) => {
    const answers = runs.flatMap((run) => run.filter((answer) => answer.state === state));
    const worst = answers.toSorted((a, b) => Math.abs(b.error) - Math.abs(a.error))[0];
    if (worst === undefined) throw new Error(`nobody was ${state}`);
    const { thread, trueS, exportedS, error, bar } = worst;
    return {
      what: `time ${state}, exported against true`,
      detail: `worst of ${answers.length} runs, thread \`${thread}\`: true ${trueS.toFixed(3)} s, exported ${exportedS.toFixed(3)} s`,
      figure: `${(error * 100).toFixed(2)} %`,
      bar: `within ${bar * 100} %`,
      isMet: Math.abs(error) <= bar,
    };
  });
}
