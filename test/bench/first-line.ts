/** From the start of the process to the program's first line, with the agent against plain Node. */
import { median, quartiles, type Row } from './table.ts';
import { alternate } from './variants.ts';

const ROUNDS = 60;
const BAR_MS = 5;

export async function firstLine(): Promise<readonly Row[]> {
  const { plain, agent } = await alternate({
    subject: 'first-line.cjs',
    rounds: ROUNDS,
    figure: (stdout, _, startedNs) => Number(BigInt(stdout) - startedNs) / 1e6,
  });
  const addedMs = median(agent) - median(plain);
  return [
    {
      what: "start until the program's first line",
      detail: `plain ${median(plain).toFixed(1)} ms (${quartiles(plain)}), agent ${median(agent).toFixed(1)} ms (${quartiles(agent)})`,
      figure: `+${addedMs.toFixed(1)} ms`,
      bar: `<= +${BAR_MS} ms`,
      isMet: addedMs <= BAR_MS,
    },
  ];
}
