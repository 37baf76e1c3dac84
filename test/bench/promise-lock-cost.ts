/** What a mutex of async-mutex costs under the agent, against without: the whole of an acquisition with its release, in CPU time of the thread. */
import { ratioOf } from './ratio.ts';
import { median, type Row } from './table.ts';
import { alternate, withCollector } from './variants.ts';

const ROUNDS = 9;
const BAR = 1.1;
const OPERATIONS = [
  { operation: 'acquire', what: 'async-mutex: `acquire`, release; nobody waits' },
  { operation: 'run', what: 'async-mutex: `runExclusive` of an empty function' },
  { operation: 'run-async', what: 'async-mutex: `runExclusive` of a function that awaits once' },
  { operation: 'contended', what: 'async-mutex: the same, eight at once' },
] as const;

export async function promiseLockCost(): Promise<readonly Row[]> {
  return withCollector(async (endpoint) => {
    const rows: Row[] = [];
    for (const { operation, what } of OPERATIONS) {
      const { plain, agent } = await alternate({
        subject: 'promise-lock.cjs',
        rounds: ROUNDS,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, LOCK_OPERATION: operation },
        figure: (stdout) => Number(stdout),
      });
      const { mean, low, high } = ratioOf(agent.map((ns, round) => [ns, plain[round] ?? Number.NaN] as const));
      rows.push({
        what,
        detail: `plain ${median(plain).toFixed(0)} ns, agent ${median(agent).toFixed(0)} ns; 95 % ${low.toFixed(2)}-${high.toFixed(2)}`,
        figure: mean.toFixed(2),
        bar: `<= ${BAR}`,
        isMet: mean <= BAR,
      });
    }
    return rows;
  });
}
