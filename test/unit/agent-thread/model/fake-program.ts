/**
 * A thread table over threads, wait words and a clock that the test sets, for the tests of `model/threads.ts`.
 */
import { type ThreadEntry, type ThreadInfo, ThreadTable } from '../../../../agent/agent-thread/model/threads.ts';
import type { WaitSnapshot } from '../../../../agent/shared-memory/wait-word.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';
import { FakeDirectory, type FakeTask, MS, waitOf } from './fake-tasks.ts';

export interface OpenedThread {
  readonly entry: ThreadEntry;
  readonly task: FakeTask;
}

export class FakeProgram {
  readonly directory: FakeDirectory = new FakeDirectory();
  /** By slot; a thread that is not here has never waited. */
  readonly waits: Map<number, WaitSnapshot | undefined> = new Map();
  readonly table: ThreadTable;
  nowNs = 0;
  /** What the kernel has counted for the whole process; no bound unless a test sets it. */
  processCpuNs: number = Number.POSITIVE_INFINITY;

  constructor(processStartNs: number) {
    this.table = new ThreadTable({
      directory: this.directory,
      readWait: (slot) => (this.waits.has(slot) ? this.waits.get(slot) : waitOf()),
      nowNs: () => this.nowNs,
      processStartNs,
      processCpuNs: () => this.processCpuNs,
    });
  }

  infoOf(slot: number, more: Partial<ThreadInfo> = {}): ThreadInfo {
    return {
      slot,
      generation: 1,
      threadId: slot,
      osThreadId: 100 + slot,
      name: '',
      role: slot === 0 ? 'main' : 'worker',
      parentThreadId: 0,
      claimedNs: this.nowNs,
      startedNs: 0,
      ...more,
    };
  }

  open(slot: number, more: Partial<ThreadInfo> = {}, task: Partial<FakeTask> = {}): OpenedThread {
    const info = this.infoOf(slot, more);
    return { task: this.directory.add(info.osThreadId, task), entry: this.table.open(info) };
  }

  /** Lets time pass, with a sample every 100 ms. */
  runFor(ms: number): void {
    for (const endNs = this.nowNs + ms * MS; this.nowNs < endNs; ) {
      this.nowNs += 100 * MS;
      this.table.sample(this.nowNs);
    }
  }

  collect(): Written {
    return collectFrom(this.table);
  }
}

/** The states of one name in ms, zeros left out. */
export function statesOf(written: Written, name: string): Record<string, number> {
  const states: Record<string, number> = {};
  for (const [labels, ns] of Object.entries(only(written, 'gridwatch.thread.state.time'))) {
    const state = /state=(\w+)$/.exec(labels)?.[1] ?? '';
    if (labels.startsWith(`thread.name=${name},`) && ns !== 0) states[state] = ns / MS;
  }
  return states;
}

export function totalMs(states: Record<string, number>): number {
  return Object.values(states).reduce((sum, ms) => sum + ms, 0);
}

export function namesIn(written: Written): string[] {
  const names = Object.keys(only(written, 'gridwatch.thread.cpu.time')).map(
    (labels) => /thread.name=([^,]*)/.exec(labels)?.[1] ?? '',
  );
  return [...new Set(names)];
}
