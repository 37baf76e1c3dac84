/**
 * What becomes of what was observed: records and thread lifecycles turn into metrics, spans and logs.
 *
 * Runs on the agent thread. It knows the contract's names and nothing of shared memory.
 */
import { shownPath } from '../file-path.ts';
import { GC_TYPES, type GcType, RecordKind } from '../shared-memory/records.ts';
import { type ContextLoss, ExitKind, type SlotSnapshot } from '../shared-memory/registry.ts';
import type { RingRecord } from '../shared-memory/ring-reader.ts';
import type { Stall } from './detect/stalls.ts';
import type { LockDispatch } from './lock-dispatch.ts';
import type { StackFrame } from './main-stack.ts';
import type { DisabledFeatures, DropCounts } from './model/self.ts';
import type { ThreadExit, ThreadTable } from './model/threads.ts';
import type { QueueDispatch } from './queue-dispatch.ts';
import type { RecordKind as LostKind, SignalAttributes } from './telemetry/catalog.ts';
import type { Telemetry } from './telemetry/sdk.ts';
import type { ObservedThread } from './threads.ts';
import { UnclaimedPauses } from './unclaimed-pauses.ts';

/** A pause shorter than this is no span of its own where no request was held up by it. */
const GC_ROOT_NS = 100e6;
/** A turn of the event loop shorter than this is no span of its own. */
const LOOP_ROOT_NS = 100e6;

const QUEUE_RECORDS: ReadonlySet<RecordKind> = new Set([RecordKind.TASK, RecordKind.TASK_CPU, RecordKind.MESSAGE]);

const CONTEXT_LOSS_DETAILS: Readonly<Record<ContextLoss, string>> = {
  several_api_versions:
    'a thread without an SDK loads several versions of @opentelemetry/api, so spans of other threads are not active there',
  node22_als:
    'in a thread without an SDK spans of other threads are not active on this Node; GRIDWATCH_CONTEXT=on makes them so',
};

export class Dispatch {
  readonly #table: ThreadTable;
  readonly #telemetry: Telemetry;
  readonly #drops: DropCounts;
  readonly #disabled: DisabledFeatures;
  readonly #locks: LockDispatch;
  readonly #queues: QueueDispatch;
  readonly #unclaimed: UnclaimedPauses;

  constructor(
    table: ThreadTable,
    telemetry: Telemetry,
    drops: DropCounts,
    disabled: DisabledFeatures,
    locks: LockDispatch,
    queues: QueueDispatch,
  ) {
    this.#locks = locks;
    this.#queues = queues;
    this.#table = table;
    this.#telemetry = telemetry;
    this.#drops = drops;
    this.#disabled = disabled;
    this.#unclaimed = new UnclaimedPauses((pause) => telemetry.spans.emit(pause));
  }

  /** Something a thread said once, past a threshold. */
  record(thread: ObservedThread, record: RingRecord): void {
    if (record.kind === RecordKind.EVENTLOOP) this.#loopWasBlocked(thread, record);
    else if (record.kind === RecordKind.GC) this.#collected(thread, record);
    else if (QUEUE_RECORDS.has(record.kind)) this.#queues.record(thread, record);
    else this.#locks.record(thread.claim.slot, record);
  }

  #loopWasBlocked(thread: ObservedThread, { number: cpuUs, startNs, durationNs }: RingRecord): void {
    this.#emitBlocked(thread, startNs, startNs + durationNs, { 'gridwatch.span.cpu.time': cpuUs / 1e6 });
  }

  /** A turn of the event loop that goes on, and where its thread is, if that is known. */
  loopIsBlocked(stall: Stall<ObservedThread>, nowNs: number, stack: readonly StackFrame[] | undefined): void {
    const attributes = { 'gridwatch.span.cpu.time': stall.cpuNs / 1e9, 'gridwatch.eventloop.ongoing': true };
    this.#emitBlocked(stall.thread, stall.sinceNs, nowNs, { ...attributes, ...codeOf(stack) });
  }

  #emitBlocked(thread: ObservedThread, startNs: number, endNs: number, attributes: SignalAttributes): void {
    this.#telemetry.spans.emit({
      name: 'eventloop.blocked',
      startNs,
      endNs,
      attributes: { ...identity(thread), ...attributes },
      minRootNs: LOOP_ROOT_NS,
    });
  }

  /**
   * A garbage collection past the threshold: once by itself, unless a request that had ended by then was held up by it, and once for each such
   * request. One that is not part of a sampled trace is shown all the same if it is the slowest of its kind (`telemetry/spans.ts`).
   */
  #collected(thread: ObservedThread, { number, startNs, durationNs, context }: RingRecord): void {
    this.#locks.paused(thread.claim, startNs, durationNs);
    const type = GC_TYPES[number] as GcType;
    const attributes = { ...identity(thread), 'v8js.gc.type': type };
    const pause = { name: `gc ${type}`, startNs, endNs: startNs + durationNs, attributes } as const;
    if (context !== undefined) {
      this.#unclaimed.claim(thread.claim, startNs);
      this.#telemetry.spans.emit({ ...pause, parent: context });
    } else if (durationNs >= GC_ROOT_NS) {
      this.#unclaimed.add(thread.claim, pause);
    }
  }

  /** To be called at every poll. */
  tick(nowNs: number): void {
    this.#unclaimed.tick(nowNs);
  }

  /** To be called after each drain of all rings. */
  drained(nowNs: number): void {
    this.#queues.drained(nowNs);
  }

  /** Hands over all that waits for something. */
  flush(): void {
    this.#unclaimed.flush();
    this.#queues.flush();
  }

  dropped(kind: LostKind, dropped: number): void {
    this.#drops.count(kind, dropped);
  }

  /** A thread goes from wait to wait without turning its event loop, and Node delivers no entries there. */
  gcSuspended(): void {
    this.#disabled.add('gc.parked_threads', 'unsupported_platform', 'their event loop does not turn');
  }

  /** On some thread the context of a message did not become active, though somebody could have asked for it. */
  contextLost(reason: ContextLoss): void {
    this.#disabled.add('context', reason, CONTEXT_LOSS_DETAILS[reason]);
  }

  /** The thread has reached user code. */
  started(thread: ObservedThread, slot: SlotSnapshot): void {
    this.#table.started(thread.entry, slot.startedNs);
    if (thread.claim.slot === 0) return;
    this.#telemetry.spans.emit({
      name: `worker.start ${thread.entry.name}`,
      startNs: slot.claimedNs,
      endNs: slot.startedNs,
      attributes: { ...identity(thread), ...origin(slot) },
      ...(slot.spawnContext === undefined ? {} : { parent: slot.spawnContext }),
    });
  }

  /** The thread is gone. One that never reached user code, or ended with an error, is an incident; a terminated one is not. */
  ended(thread: ObservedThread, last: SlotSnapshot, wasStopped: boolean, nowNs: number): void {
    const endedNs = last.endedNs > 0 ? last.endedNs : nowNs;
    const error = errorOf(last, wasStopped || !thread.isStarted);
    this.#table.close(thread.entry, error === undefined ? {} : { error }, endedNs);
    if (thread.claim.slot === 0) return;
    const hasFailedToStart = !thread.isStarted;
    if (!hasFailedToStart && (error === undefined || error === 'terminated')) return;
    const attributes = {
      ...identity(thread),
      ...origin(last),
      'error.type': error ?? 'terminated',
      ...(last.exitKind === ExitKind.NONE ? {} : { 'gridwatch.thread.exit_code': last.exitCode }),
    };
    if (hasFailedToStart) {
      this.#telemetry.spans.emit({
        name: `worker.start ${thread.entry.name}`,
        startNs: last.claimedNs,
        endNs: endedNs,
        attributes,
        error: 'the worker ended before its first user code',
        isIncident: true,
        ...(last.spawnContext === undefined ? {} : { parent: last.spawnContext }),
      });
    }
    this.#telemetry.logs.emit({
      eventName: 'gridwatch.thread.failed',
      body: hasFailedToStart
        ? `worker ${thread.entry.name} ended before its first user code`
        : `worker ${thread.entry.name} failed: ${failureOf(error, last.exitCode)}`,
      attributes,
      timeNs: endedNs,
      hasOwnSpan: hasFailedToStart,
    });
  }
}

function identity(thread: ObservedThread): SignalAttributes {
  return {
    'thread.id': thread.entry.info.threadId,
    'thread.name': thread.entry.name,
    ...(thread.osThreadId > 0 ? { 'gridwatch.thread.os_id': thread.osThreadId } : {}),
  };
}

/** Where the worker was started, and from which file; absolute paths stay here. */
function origin({ spawnSite, file }: SlotSnapshot): SignalAttributes {
  const colon = spawnSite.lastIndexOf(':');
  return {
    ...(colon > 0
      ? { 'code.file.path': spawnSite.slice(0, colon), 'code.line.number': Number(spawnSite.slice(colon + 1)) }
      : {}),
    ...(file === '' ? {} : { 'gridwatch.thread.file': shownPath(file, process.cwd()) }),
  };
}

/** The stack as V8 writes it, and the innermost frame that is not Node's own. */
function codeOf(stack: readonly StackFrame[] | undefined): Record<string, string | number> {
  if (stack === undefined) return {};
  const frames = stack.map((frame) => ({ ...frame, file: shownPath(frame.file, process.cwd()) }));
  const lines = frames.map(({ functionName, file, line, column }) => {
    return `    at ${functionName || '<anonymous>'} (${file}:${line}:${column})`;
  });
  const inner = frames.find(({ file }) => file !== '' && !file.startsWith('node:'));
  return {
    'code.stacktrace': lines.join('\n'),
    ...(inner === undefined ? {} : { 'code.file.path': inner.file, 'code.line.number': inner.line }),
    ...(inner === undefined || inner.functionName === '' ? {} : { 'code.function.name': inner.functionName }),
  };
}

type ExitError = NonNullable<ThreadExit['error']>;

/** A worker whose heap is full is ended by Node without another line of JavaScript; so is one that somebody stops, and that is known. */
function errorOf(last: SlotSnapshot, wasStopped: boolean): ExitError | undefined {
  if (last.exitKind === ExitKind.UNCAUGHT) return 'uncaught';
  if (last.exitKind === ExitKind.NONE) return wasStopped ? 'terminated' : 'out_of_memory';
  return last.exitCode === 0 ? undefined : 'exit_code';
}

function failureOf(error: ExitError | undefined, exitCode: number): string {
  if (error === 'out_of_memory') return 'its heap was full';
  return `${error === 'uncaught' ? 'uncaught error' : 'exit code'} (${exitCode})`;
}
