/**
 * How much CPU time it takes to take a thread off its CPU and to put it back: measured on this machine, once, when somebody first asks.
 *
 * Runs on the agent thread, for about three milliseconds: forty sleeps as short as the kernel lets them be, each of which is one such switch. It must never throw.
 * A switch to another core, where the caches are cold, costs several times as much (ENERGY.md: 2.2 us and about 17 us); this is the cheaper one.
 */
const SLEEPS = 40;
const SLEEP_MS = 0.001;
/** What is believed: outside of it something else was measured. */
const MIN_NS = 1e3;
const MAX_NS = 3e4;
/** Where the kernel does not tell: the figure of ENERGY.md. */
const DEFAULT_NS = 2200;

/** `readCpuNs`: CPU time of this thread so far. */
export function measureSwitchNs(readCpuNs: () => number | undefined, sleep: (ms: number) => void = park): number {
  const before = readCpuNs();
  if (before === undefined) return DEFAULT_NS;
  for (let i = 0; i < SLEEPS; i++) sleep(SLEEP_MS);
  const after = readCpuNs();
  const measured = after === undefined ? Number.NaN : (after - before) / SLEEPS;
  return measured > 0 ? Math.min(MAX_NS, Math.max(MIN_NS, measured)) : DEFAULT_NS;
}

function park(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
