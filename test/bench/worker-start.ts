/** From `new Worker` to the worker's first user code, with the agent against plain Node. */
import { median, quartiles, type Row } from './table.ts';
import { alternate, withCollector } from './variants.ts';

const ROUNDS = 10;
const BAR_MS = 2;

export async function workerStart(): Promise<readonly Row[]> {
  const { plain, agent } = await withCollector((endpoint) =>
    alternate({
      subject: 'worker-start.cjs',
      rounds: ROUNDS,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      figure: (stdout) => Number(stdout),
    }),
  );
  const addedMs = median(agent) - median(plain);
  return [
    {
      what: '`new Worker` until its first user code',
      detail: `plain ${median(plain).toFixed(2)} ms (${quartiles(plain)}), agent ${median(agent).toFixed(2)} ms (${quartiles(agent)})`,
      figure: `+${addedMs.toFixed(2)} ms`,
      bar: `<= +${BAR_MS} ms`,
      isMet: addedMs <= BAR_MS,
    },
  ];
}
