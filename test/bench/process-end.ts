/** A whole process that ends at once, the exit flush to a collector included. */
import { median, quartiles, type Row } from './table.ts';
import { alternate, withCollector } from './variants.ts';

const ROUNDS = 20;
const BAR_MS = 200;

export async function wholeProcess(): Promise<readonly Row[]> {
  const { plain, agent } = await withCollector((endpoint) =>
    alternate({
      subject: 'first-line.cjs',
      rounds: ROUNDS,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      figure: (_, durationMs) => durationMs,
    }),
  );
  const addedMs = median(agent) - median(plain);
  return [
    {
      what: 'whole process that ends at once, exit flush included, collector up',
      detail: `plain ${median(plain).toFixed(0)} ms (${quartiles(plain)}), agent ${median(agent).toFixed(0)} ms (${quartiles(agent)})`,
      figure: `+${addedMs.toFixed(0)} ms`,
      bar: `<= +${BAR_MS} ms`,
      isMet: addedMs <= BAR_MS,
    },
  ];
}
