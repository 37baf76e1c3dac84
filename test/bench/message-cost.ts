/**
 * What following messages costs: the round trip of a message with the agent against without, and the memory of many open ports. Each figure is of a process of its
 * own, the two sides in turn.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ratioOf } from './ratio.ts';
import { median, type Row } from './table.ts';
import { REGISTER_FILE } from './variants.ts';

const ROUNDS = 12;
const PORT_ROUNDS = 3;
const PORTS = 10_000;
const SUBJECT = fileURLToPath(new URL('subjects/message-cost.cjs', import.meta.url));

export async function messageCost(): Promise<readonly Row[]> {
  const pairs: (readonly [number, number])[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const isFirst = round % 2 === 0;
    const first = run(isFirst, ['rate']);
    const second = run(!isFirst, ['rate']);
    pairs.push(isFirst ? [first, second] : [second, first]);
  }
  const { mean, low, high } = ratioOf(pairs);
  const [of, to] = [0, 1].map((side) => (median(pairs.map((pair) => pair[side] as number)) / 1e3).toFixed(2));
  const openPorts = (hasAgent: boolean): number =>
    median(Array.from({ length: PORT_ROUNDS }, () => run(hasAgent, ['ports', String(PORTS)])));
  const [withAgent, without] = [openPorts(true), openPorts(false)];
  return [
    {
      what: 'round trip of a message of 100 bytes, with the agent against without',
      detail: `${of} against ${to} us, ${ROUNDS} pairs`,
      figure: `${mean.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`,
      bar: '<= 1.05',
      isMet: mean <= 1.05,
    },
    {
      what: `${PORTS} open ports, resident memory more with the agent than without`,
      detail: `${withAgent.toFixed(1)} against ${without.toFixed(1)} MiB`,
      figure: `${(withAgent - without).toFixed(1)} MiB`,
      bar: '<= 40 MiB',
      isMet: withAgent - without <= 40,
    },
  ];
}

function run(hasAgent: boolean, args: readonly string[]): number {
  const preload = hasAgent ? ['--require', REGISTER_FILE] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', ...preload, SUBJECT, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], GRIDWATCH_LOG: 'off' },
  });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return (JSON.parse(stdout) as { figure: number }).figure;
}
