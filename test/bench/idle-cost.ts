/** What the agent costs beside a program that does nothing: 64 workers that wait for messages. */
import { median, type Row } from './table.ts';
import { alternate, withCollector } from './variants.ts';

const ROUNDS = 3;
const CPU_BAR = 0.01;
const MEMORY_BAR_MIB = 60;

interface IdleFigures {
  readonly cpuShare: number;
  readonly rssMib: number;
}

export async function idleCost(): Promise<readonly Row[]> {
  const { plain, agent } = await withCollector((endpoint) =>
    alternate({
      subject: 'idle-workers.cjs',
      rounds: ROUNDS,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      figure: (stdout) => JSON.parse(stdout) as IdleFigures,
    }),
  );
  const share = (runs: readonly IdleFigures[]): number => median(runs.map(({ cpuShare }) => cpuShare));
  const memory = (runs: readonly IdleFigures[]): number => median(runs.map(({ rssMib }) => rssMib));
  const addedCpu = share(agent) - share(plain);
  const addedMib = memory(agent) - memory(plain);
  return [
    {
      what: 'agent CPU with 64 idle workers',
      detail: `whole process: plain ${(share(plain) * 100).toFixed(2)} %, agent ${(share(agent) * 100).toFixed(2)} % of a core`,
      figure: `${(addedCpu * 100).toFixed(2)} %`,
      bar: `<= ${CPU_BAR * 100} % of a core`,
      isMet: addedCpu <= CPU_BAR,
    },
    {
      what: 'RSS added with 64 idle workers',
      detail: `plain ${memory(plain).toFixed(0)} MiB, agent ${memory(agent).toFixed(0)} MiB`,
      figure: `+${addedMib.toFixed(0)} MiB`,
      bar: `<= ${MEMORY_BAR_MIB} MiB`,
      isMet: addedMib <= MEMORY_BAR_MIB,
    },
  ];
}
