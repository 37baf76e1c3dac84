/**
 * Tells that the machine slept between two readings.
 *
 * Runs on the agent thread. The clock of all our times (`process.hrtime`, CLOCK_MONOTONIC) stands still while the machine sleeps, that of
 * `/proc/uptime` (CLOCK_BOOTTIME) goes on; energy counters go on slowly, or begin anew. It must never throw; where there is no such file,
 * nothing is told.
 */
import type { ProcFile, ProcTree } from '../../host/proc.ts';

/** The file has steps of 10 ms, and a process may be stopped between the two clocks for longer than that. */
const MIN_SLEEP_NS = 1e9;

export class SuspendWatch {
  readonly #uptime: ProcFile;
  readonly #proc: ProcTree;
  #aheadNs: number | undefined;

  constructor(proc: ProcTree) {
    this.#proc = proc;
    this.#uptime = proc.file('uptime');
  }

  /** True when the machine slept since the last call. */
  hasSlept(nowNs: number): boolean {
    if (!this.#uptime.read()) return false;
    const uptimeNs = Number.parseFloat(this.#proc.scanner.text()) * 1e9;
    if (!Number.isFinite(uptimeNs)) return false;
    const aheadNs = uptimeNs - nowNs;
    const before = this.#aheadNs;
    this.#aheadNs = aheadNs;
    return before !== undefined && aheadNs - before > MIN_SLEEP_NS;
  }

  dispose(): void {
    this.#uptime.close();
  }
}
