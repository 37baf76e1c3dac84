/**
 * BullMQ, by its own interface for telemetry: jobs that are added are arrivals, those that are processed have a wait and a service time. The two may be in
 * different processes, so what a wait is counted from travels with the job.
 *
 * Runs on application threads that use BullMQ with `bullmqTelemetry()`. Whatever telemetry the program has of its own is asked for everything, with its own contexts.
 */
import type { BullmqSpan, BullmqTelemetry } from '../../config/bullmq-telemetry.ts';
import { QUEUE_CELL } from '../../shared-memory/queue-cells.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import { classNameOf } from '../async-locks/class-name.ts';
import { findMessageLink } from '../message-link.ts';
import { activeTraceIds } from '../trace-context.ts';
import type { NamedQueue, QueueTracker } from './queue-tracker.ts';

/** Beside W3C's own fields in what travels with a job: milliseconds since the epoch. */
const SENT_AT = 'gridwatch';
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NO_ID = /^0+$/;
/** A job of a flow is added. */
const NODE = 'addNode';
/** By these a job comes, or several; by the last it goes. */
const JOB_OPERATIONS: readonly string[] = ['add', 'addBulk', NODE, 'process'];

/** A context of BullMQ's: that of the program's own telemetry, and what we know beside it. */
class JobContext {
  readonly own: unknown;
  readonly ids: TraceIds | undefined;
  /** When the job was added; NaN for what is no job. */
  readonly sentMs: number;

  constructor(own: unknown, ids: TraceIds | undefined, sentMs: number) {
    this.own = own;
    this.ids = ids;
    this.sentMs = sentMs;
  }
}

const ownOf = (context: unknown): unknown => (context instanceof JobContext ? context.own : context);

/** What is told of an operation: only a few of them are of jobs that come and go. */
class JobSpan implements BullmqSpan {
  readonly #tracker: QueueTracker;
  readonly #name: string;
  readonly #own: BullmqSpan | undefined;
  readonly #context: JobContext | undefined;
  #queue: NamedQueue | undefined;
  #operation = '';
  #count = 1;
  #hasFailed = false;
  #beganNs = 0;
  #waitNs = 0;

  constructor(tracker: QueueTracker, name: string, own: BullmqSpan | undefined, context: unknown) {
    this.#tracker = tracker;
    this.#name = name;
    this.#own = own;
    this.#context = context instanceof JobContext ? context : undefined;
  }

  setSpanOnContext(context: unknown): unknown {
    const own = this.#own === undefined ? ownOf(context) : this.#own.setSpanOnContext(ownOf(context));
    const { ids, sentMs } = context instanceof JobContext ? context : new JobContext(undefined, undefined, Number.NaN);
    return new JobContext(own, ids, sentMs);
  }

  setAttribute(key: string, value: never): void {
    this.#own?.setAttribute(key, value);
  }

  setAttributes(attributes: Readonly<Record<string, never>>): void {
    this.#own?.setAttributes(attributes);
    const given: Readonly<Record<string, unknown>> = attributes;
    if (typeof given['bullmq.job.bulk.count'] === 'number') this.#count = given['bullmq.job.bulk.count'];
    const { 'bullmq.queue.name': name, 'bullmq.queue.operation': operation } = given;
    if (this.#operation !== '' || typeof name !== 'string' || typeof operation !== 'string') return;
    this.#operation = operation;
    if (this.#tracker.isOff('queues') || !JOB_OPERATIONS.includes(operation)) return;
    /* Of a flow's job some versions give the job's name there, which is the program's own; the queue's stands in the span's. */
    const queue = operation === NODE ? this.#name.slice(NODE.length + 1) : name;
    this.#queue = this.#tracker.named(`bullmq:${classNameOf(queue)}`, 'task_queue');
    if (operation === 'process') this.#begin();
  }

  #begin(): void {
    this.#beganNs = this.#tracker.nowNs();
    this.#queue?.cell.addActive(1, this.#beganNs);
    const sentMs = this.#context?.sentMs ?? Number.NaN;
    if (Number.isNaN(sentMs)) return;
    this.#waitNs = Math.max(0, (Date.now() - sentMs) * 1e6);
    this.#queue?.cell.waits.record(this.#waitNs);
  }

  addEvent(name: string, attributes?: never): void {
    this.#own?.addEvent(name, attributes);
    if (name === 'job failed') this.#hasFailed = true;
  }

  recordException(exception: never, time?: never): void {
    this.#own?.recordException(exception, time);
    this.#hasFailed = true;
  }

  end(): void {
    this.#own?.end();
    const queue = this.#queue;
    this.#queue = undefined;
    if (queue === undefined) return;
    if (this.#operation !== 'process') {
      if (!this.#hasFailed) queue.cell.add(QUEUE_CELL.ARRIVALS, this.#count);
      return;
    }
    const nowNs = this.#tracker.nowNs();
    queue.cell.addActive(-1, nowNs);
    queue.cell.services.record(nowNs - this.#beganNs);
    queue.cell.add(QUEUE_CELL.COMPLETIONS);
    if (this.#hasFailed) queue.cell.add(QUEUE_CELL.ERRORS);
    this.#tell(queue.nameNumber, nowNs);
  }

  /** A job that was added before the process began has no place on its clock. */
  #tell(nameNumber: number, nowNs: number): void {
    const submittedNs = this.#beganNs - this.#waitNs;
    if (this.#waitNs < this.#tracker.thresholdNs || submittedNs <= 0) return;
    this.#tracker.record({
      nameNumber,
      kind: 'task_queue',
      outcome: this.#hasFailed ? 'failed' : 'done',
      workerThreadId: -1,
      siteNumber: 0,
      submittedNs,
      waitNs: this.#waitNs,
      serviceNs: nowNs - this.#beganNs,
      context: this.#context?.ids,
      spanId: undefined,
      isAlone: false,
    });
  }
}

/** What BullMQ is given. */
export function bullmqTelemetryOf(tracker: QueueTracker, own: BullmqTelemetry | undefined): BullmqTelemetry {
  const manager = own?.contextManager;
  const hasRoot = manager === undefined || typeof manager.root === 'function';
  return {
    ...own,
    tracer: {
      startSpan: (name, options, context) =>
        new JobSpan(tracker, name, own?.tracer.startSpan(name, options, ownOf(context)), context),
    },
    contextManager: {
      with: (context, fn) => {
        if (manager !== undefined) return manager.with(ownOf(context), fn);
        /* Of a job that is processed: what it begins is part of what has added it. */
        const { ids, sentMs } =
          context instanceof JobContext ? context : new JobContext(undefined, undefined, Number.NaN);
        const link = Number.isNaN(sentMs) ? undefined : findMessageLink();
        return (link === undefined ? fn() : link.runWith(ids, fn)) as ReturnType<typeof fn>;
      },
      active: () => new JobContext(manager?.active(), activeTraceIds(), Number.NaN),
      ...(hasRoot && { root: () => new JobContext(manager?.root?.(), undefined, Number.NaN) }),
      getMetadata: (context) => metadataOf(context, manager?.getMetadata(ownOf(context))),
      fromMetadata: (active, metadata) => {
        const { traceparent, [SENT_AT]: sentAt } = parsed(metadata) ?? {};
        const sentMs = Number.isFinite(sentAt) ? (sentAt as number) : Number.NaN;
        return new JobContext(manager?.fromMetadata(ownOf(active), metadata), idsOf(traceparent), sentMs);
      },
    },
  };
}

/** What the program's own telemetry sends along stays as it is, if it is no object of fields. */
function metadataOf(context: unknown, own: string | undefined): string {
  const fields = own === undefined || own === '' ? {} : parsed(own);
  if (fields === undefined) return own ?? '';
  const ids = context instanceof JobContext && own === undefined ? context.ids : undefined;
  const traceparent = ids && `00-${ids.traceId}-${ids.spanId}-${ids.traceFlags.toString(16).padStart(2, '0')}`;
  return JSON.stringify({ ...fields, ...(traceparent !== undefined && { traceparent }), [SENT_AT]: Date.now() });
}

/** The text comes from another process. */
function parsed(metadata: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const fields: unknown = JSON.parse(metadata);
    return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function idsOf(traceparent: unknown): TraceIds | undefined {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(String(traceparent)) ?? [];
  if (NO_ID.test(traceId) || traceId === '' || NO_ID.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}
