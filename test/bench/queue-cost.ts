/** What an item of a queue costs under the agent, against without: from the push to the end of its work, in CPU time of the thread. */
import { ratioOf } from './ratio.ts';
import { median, type Row } from './table.ts';
import { alternate, withCollector } from './variants.ts';

const ROUNDS = 7;
/** Three reads of the clock, two histograms and an object make 300 ns; the rest is what ties the item to the library's own. */
const OPERATIONS = [
  { operation: 'fastq 1 1', barNs: 200, what: 'fastq: an item that need not wait' },
  { operation: 'fastq 100 4', barNs: 400, what: 'fastq: 100 at once, 4 at work' },
  { operation: 'fastq 10000 1', barNs: 400, what: 'fastq: 10 000 at once, 1 at work' },
  { operation: 'fastq-promise 100 4', barNs: 500, what: 'fastq.promise: 100 at once, 4 at work' },
  { operation: 'p-queue 100 4', barNs: 1000, what: 'p-queue: 100 at once, 4 at work' },
  { operation: 'async 100 4', barNs: 800, what: 'async.queue: 100 at once, 4 at work' },
  { operation: 'tarn 10 4', barNs: 1000, what: 'tarn: 10 at once, 4 resources' },
] as const;

export async function queueCost(): Promise<readonly Row[]> {
  return withCollector(async (endpoint) => {
    const rows: Row[] = [];
    for (const { operation, barNs, what } of OPERATIONS) {
      const { plain, agent } = await alternate({
        subject: 'queue.cjs',
        rounds: ROUNDS,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, QUEUE_OPERATION: operation },
        figure: (stdout) => Number(stdout),
      });
      const { low, high } = ratioOf(agent.map((ns, round) => [ns, plain[round] ?? Number.NaN] as const));
      const moreNs = median(agent) - median(plain);
      rows.push({
        what,
        detail: `plain ${median(plain).toFixed(0)} ns, agent ${median(agent).toFixed(0)} ns; ratio, 95 % ${low.toFixed(2)}-${high.toFixed(2)}`,
        figure: `${moreNs.toFixed(0)} ns`,
        bar: `<= ${barNs} ns`,
        isMet: moreNs <= barNs,
      });
    }
    return rows;
  });
}
