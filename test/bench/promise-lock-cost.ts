/** What a mutex of async-mutex costs under the agent, against without: the whole of an acquisition with its release, in CPU time of the thread. */
import { ratioOf } from './ratio.ts';
import { median, type Row } from './table.ts';
import { alternate, type Variant, withCollector } from './variants.ts';

const ROUNDS = 9;
const BAR = 1.1;
const OPERATIONS = [
  { operation: 'acquire', what: 'async-mutex: `acquire`, release; nobody waits' },
  { operation: 'run', what: 'async-mutex: `runExclusive` of an empty function' },
  { operation: 'run-async', what: 'async-mutex: `runExclusive` of a function that awaits once' },
  { operation: 'contended', what: 'async-mutex: the same, eight at once' },
] as const;

/** Whether the agent ran is the subject's to say: without it both variants would be the same, and the ratio a good one. */
function figureOf(stdout: string, _durationMs: number, _startedNs: bigint, variant: Variant): number {
  const { ns, isObserved } = JSON.parse(stdout) as { readonly ns: number; readonly isObserved: boolean };
  if (isObserved !== (variant === 'agent'))
    throw new Error(`the agent ${isObserved ? 'runs' : 'does not run'} in the variant '${variant}'`);
  return ns;
}

export async function promiseLockCost(): Promise<readonly Row[]> {
  return withCollector(async (endpoint) => {
    const rows: Row[] = [];
    for (const { operation, what } of OPERATIONS) {
      const { plain, agent } = await alternate({
        subject: 'promise-lock.cjs',
        rounds: ROUNDS,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, LOCK_OPERATION: operation },
        figure: figureOf,
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
