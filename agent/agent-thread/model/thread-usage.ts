/**
 * What the threads that bore one name have used, added up, and how it is told.
 *
 * Runs on the agent thread. Plain sums; it never reads anything.
 */
import type { MetricSink } from '../telemetry/metrics.ts';
import { THREAD_STATES, type ThreadState } from './state-time.ts';
import type { ThreadAccount } from './thread-account.ts';

export type ThreadRole = 'main' | 'worker' | 'agent' | 'libuv' | 'v8' | 'other';

/** What this machine lets us know of a thread. What it does not is left out, rather than exported as zero. */
export interface ThreadSources {
  readonly hasCpuTime: boolean;
  readonly hasSchedule: boolean;
}

/** States only the kernel can tell of. Where it does not, their time is in `unknown`. */
const KERNEL_STATES: ReadonlySet<ThreadState> = new Set(['running', 'runnable', 'idle', 'blocked_io']);

export class ThreadUsage {
  readonly stateNs: Float64Array = new Float64Array(THREAD_STATES.length);
  userNs = 0;
  systemNs = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;

  of(state: ThreadState): number {
    return this.stateNs[THREAD_STATES.indexOf(state)] as number;
  }

  addAccount({ states, userNs, systemNs, switches }: ThreadAccount): void {
    for (const [i, ns] of states.ns.entries()) this.stateNs[i] = (this.stateNs[i] as number) + ns;
    this.userNs += userNs;
    this.systemNs += systemNs;
    this.voluntarySwitches += switches.voluntary;
    this.involuntarySwitches += switches.involuntary;
  }

  add(other: ThreadUsage, factor: 1 | -1 = 1): void {
    for (const [i, ns] of other.stateNs.entries()) this.stateNs[i] = (this.stateNs[i] as number) + factor * ns;
    this.userNs += factor * other.userNs;
    this.systemNs += factor * other.systemNs;
    this.voluntarySwitches += factor * other.voluntarySwitches;
    this.involuntarySwitches += factor * other.involuntarySwitches;
  }

  copy(): ThreadUsage {
    const copy = new ThreadUsage();
    copy.add(this);
    return copy;
  }

  emit(sink: MetricSink, name: string, role: ThreadRole, { hasCpuTime, hasSchedule }: ThreadSources): void {
    const thread = { 'thread.name': name };
    for (const state of THREAD_STATES) {
      if (!hasCpuTime && KERNEL_STATES.has(state)) continue;
      if (!hasSchedule && state === 'runnable') continue;
      const attributes = { ...thread, 'gridwatch.thread.role': role, 'gridwatch.thread.state': state };
      sink.sum('gridwatch.thread.state.time', attributes, this.of(state));
    }
    if (!hasCpuTime) return;
    sink.sum('gridwatch.thread.cpu.time', { ...thread, 'cpu.mode': 'user' }, this.userNs);
    sink.sum('gridwatch.thread.cpu.time', { ...thread, 'cpu.mode': 'system' }, this.systemNs);
    const voluntary = { ...thread, 'process.context_switch.type': 'voluntary' };
    sink.sum('gridwatch.thread.context_switches', voluntary, this.voluntarySwitches);
    const involuntary = { ...thread, 'process.context_switch.type': 'involuntary' };
    sink.sum('gridwatch.thread.context_switches', involuntary, this.involuntarySwitches);
  }
}
