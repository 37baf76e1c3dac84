/**
 * What is exported of threads, against what the threads know of themselves: the greatest error of each state over some runs of ten seconds. And how much of
 * the time of the shop's threads is unknown while it is under load.
 */
import { observe } from '../support/observe.ts';
import { answersOf, askOracle, type OracleAnswer } from '../support/thread-oracle.ts';
import type { Row } from './table.ts';

const ROUNDS = 3;
const SECONDS = 10;
const SHOP_SECONDS = 20;
const UNKNOWN_BAR = 0.03;

export async function threadStates(): Promise<readonly Row[]> {
  const runs: (readonly OracleAnswer[])[] = [];
  for (let round = 0; round < ROUNDS; round++) runs.push(answersOf(await askOracle(SECONDS)));
  const states = new Set(runs.flatMap((answers) => answers.map(({ state }) => state)));
  const rows = [...states].map((state) => {
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
  return [...rows, await unknownInShop()];
}

async function unknownInShop(): Promise<Row> {
  const { result, observed } = await observe({
    args: ['examples/shop/server.js'],
    env: { SHOP_SECONDS: String(SHOP_SECONDS) },
    deadlineMs: SHOP_SECONDS * 1000 * 5,
  });
  if (result.exitCode !== 0) throw new Error(`the shop ended with ${result.exitCode}: ${result.stderr}`);
  const metric = 'gridwatch.thread.state.time';
  const unknownS = observed.sum(metric, { 'gridwatch.thread.state': 'unknown' }) ?? Number.NaN;
  const allS = observed.sum(metric) ?? Number.NaN;
  const share = unknownS / allS;
  return {
    what: 'time unknown, in the shop under load',
    detail: `${unknownS.toFixed(2)} s of ${allS.toFixed(1)} s of all its threads`,
    figure: `${(share * 100).toFixed(2)} %`,
    bar: `<= ${UNKNOWN_BAR * 100} %`,
    isMet: share <= UNKNOWN_BAR,
  };
}
