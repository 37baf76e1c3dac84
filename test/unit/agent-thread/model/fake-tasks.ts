/**
 * Threads as a kernel would show them, set by the test and read by the model.
 */
import type { KernelState } from '../../../../agent/agent-thread/host/kernel-state.ts';
import type { Task, TaskDirectory } from '../../../../agent/agent-thread/host/task.ts';
import type { NamedThread } from '../../../../agent/agent-thread/host/thread-class.ts';
import type { WaitSnapshot } from '../../../../agent/shared-memory/wait-word.ts';

export const MS = 1e6;
export const S = 1e9;

export class FakeTask implements Task {
  name = 'WorkerThread';
  runNs = 0;
  queueNs = 0;
  timeslices = 1;
  ticks = { user: 0, system: 0 };
  switches = { voluntary: 0, involuntary: 0 };
  state: KernelState = 'idle';
  isGone = false;
  isClosed = false;
  /** Calls by name, to see what a sample costs. */
  readonly reads = { schedule: 0, ticks: 0, switches: 0, state: 0 };

  readSchedule(into: { runNs: number; queueNs: number; timeslices: number }): boolean {
    this.reads.schedule++;
    if (!this.isGone) Object.assign(into, { runNs: this.runNs, queueNs: this.queueNs, timeslices: this.timeslices });
    return !this.isGone;
  }

  readTicks(into: { user: number; system: number }): boolean {
    this.reads.ticks++;
    if (!this.isGone) Object.assign(into, this.ticks);
    return !this.isGone;
  }

  readSwitches(into: { voluntary: number; involuntary: number }): boolean {
    this.reads.switches++;
    if (!this.isGone) Object.assign(into, this.switches);
    return !this.isGone;
  }

  kernelState(): KernelState {
    this.reads.state++;
    return this.isGone ? 'unseen' : this.state;
  }

  close(): void {
    this.isClosed = true;
  }
}

export class FakeDirectory implements TaskDirectory {
  hasSchedule = true;
  hasCpuTime = true;
  readonly tasks: Map<number, FakeTask> = new Map();
  lists = 0;

  add(osThreadId: number, properties: Partial<FakeTask> = {}): FakeTask {
    const task = Object.assign(new FakeTask(), properties);
    this.tasks.set(osThreadId, task);
    return task;
  }

  open(osThreadId: number): Task | undefined {
    return this.hasCpuTime ? this.tasks.get(osThreadId) : undefined;
  }

  list(isKnown: (osThreadId: number) => boolean): readonly NamedThread[] | undefined {
    this.lists++;
    if (!this.hasCpuTime) return undefined;
    const live = [...this.tasks].filter(([osThreadId, task]) => !task.isGone && !isKnown(osThreadId));
    return live.map(([osThreadId, { name }]) => ({ osThreadId, name }));
  }
}

export function waitOf(wait: Partial<WaitSnapshot> = {}): WaitSnapshot {
  return {
    state: 'none',
    targetId: 0,
    mode: 0,
    sinceNs: 0,
    parkedNs: 0,
    waitingLockNs: 0,
    waitingQueueNs: 0,
    waits: 0,
    ...wait,
  };
}
