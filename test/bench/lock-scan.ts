/** What a look for deadlocks costs with a thousand named locks and sixty-four threads, and the memory that locks and threads take. */
import { median, type Row } from './table.ts';
import { runJson } from './variants.ts';

const ROUNDS = 5;
const SCAN_BAR_MS = 5;
const MEMORY_BAR_MIB = 32;

export async function lockScan(): Promise<readonly Row[]> {
  const runs = Array.from({ length: ROUNDS }, () => runJson('lock-scan.ts', [], ['--expose-gc']));
  const of = (figure: string): number => median(runs.map((run) => run[figure] ?? Number.NaN));
  const memoryMib = of('memoryBytes') / 2 ** 20;
  return [
    {
      what: '1 000 named locks, 64 threads of which 63 wait in a chain: a look for deadlocks',
      detail: `the first ${of('firstMs').toFixed(2)} ms; metrics of all locks ${of('collectMs').toFixed(2)} ms`,
      figure: `${of('scanMs').toFixed(2)} ms`,
      bar: `<= ${SCAN_BAR_MS} ms`,
      isMet: of('scanMs') <= SCAN_BAR_MS,
    },
    {
      what: '1 000 named locks, 64 threads: memory',
      detail: 'shared memory that is touched, and the model of the agent thread',
      figure: `${memoryMib.toFixed(1)} MiB`,
      bar: `<= ${MEMORY_BAR_MIB} MiB`,
      isMet: memoryMib <= MEMORY_BAR_MIB,
    },
  ];
}
