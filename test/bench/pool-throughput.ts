/** How many empty tasks a pool of piscina serves in a second with the agent, of those it serves without. */
import { ratioOf } from './ratio.ts';
import { median, type Row } from './table.ts';
import { alternate, withCollector } from './variants.ts';

const ROUNDS = Number(process.env['GRIDWATCH_BENCH_ROUNDS'] ?? 9);
const BAR = 0.95;
const LOADS = [
  { atOnce: '1', what: 'piscina: throughput of an empty task, one after the other' },
  { atOnce: '32', what: 'piscina: throughput of an empty task, 32 at once' },
] as const;

export async function poolThroughput(): Promise<readonly Row[]> {
  return withCollector(async (endpoint) => {
    const rows: Row[] = [];
    for (const { atOnce, what } of LOADS) {
      const { plain, agent } = await alternate({
        subject: 'pool-throughput.cjs',
        rounds: ROUNDS,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, POOL_TASKS_AT_ONCE: atOnce },
        figure: (stdout) => Number(stdout),
      });
      const { mean, low, high } = ratioOf(agent.map((rate, round) => [rate, plain[round] ?? Number.NaN] as const));
      rows.push({
        what,
        detail: `plain ${median(plain).toFixed(0)} /s, agent ${median(agent).toFixed(0)} /s; 95 % ${low.toFixed(2)}-${high.toFixed(2)}`,
        figure: mean.toFixed(2),
        bar: `>= ${BAR}`,
        isMet: mean >= BAR,
      });
    }
    return rows;
  });
}
