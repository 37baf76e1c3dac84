/**
 * Decides which observations become spans (TELEMETRY.md, "Spans"): a child of a sampled parent at once, up to a cap; without one only the slowest
 * of each name in a window, as a root; incidents, and spans whose ids were promised to spans of the program, always and at once. Runs on the agent thread
 * and knows nothing of the SDK. Its maps are bounded; what it leaves out is summed up in what it lets through, never lost.
 */
import type { AttributeValue, SignalAttributes, SpanName } from './catalog.ts';

/** The ids of a span of the application, in hex. */
export interface SpanParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export interface SpanEvent {
  readonly name: string;
  readonly timeNs: number;
  readonly attributes?: SignalAttributes;
}

/** What is part of another span, and goes out with it or not at all. */
export interface ChildSpanRecord {
  readonly name: SpanName;
  readonly startNs: number;
  readonly endNs: number;
  readonly attributes: SignalAttributes;
  readonly kind?: 'internal' | 'producer' | 'consumer';
  /** The id that spans of the program know it by as their parent: it then has exactly this one. */
  readonly spanId?: string;
}

/** Something that took time, or happened, in the agent's nanoseconds. With an id of its own and a sampled parent it is exported whatever the sampler says. */
export interface SpanRecord extends ChildSpanRecord {
  /** The span that was active where it happened. */
  readonly parent?: SpanParent;
  readonly links?: readonly SpanParent[];
  readonly events?: readonly SpanEvent[];
  readonly children?: readonly ChildSpanRecord[];
  /** What failed; the span gets error status with it. '' where nobody but the application can say. */
  readonly error?: string;
  /** Exported whatever the sampler says, and at once. */
  readonly isIncident?: boolean;
  /** Without a sampled parent it is left out if it is shorter. */
  readonly minRootNs?: number;
}

export interface OutgoingChild extends ChildSpanRecord {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A span that is let through; the attributes are complete. A parent, if any, is sampled; an id of its own, if any, is promised. */
export interface OutgoingSpan extends Omit<SpanRecord, 'minRootNs' | 'children'> {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly children?: readonly OutgoingChild[];
}

export interface SpanEmitterSettings {
  readonly nowNs: () => number;
  readonly write: (span: OutgoingSpan) => void;
}

const SAMPLED = 1;
/** More spans than this under one parent hide what the parent was doing. */
const MAX_CHILDREN = 50;
const WINDOW_NS = 10e9;
/** Parents remembered at once; the one that had no child for longest is forgotten, and may then have as many again. */
const MAX_PARENTS = 4096;
/** Names are classes, so there are few; a name too many is let through early. */
const MAX_NAMES = 1000;

/** The longest of several records, and what the others add up to. */
class Slowest {
  record: SpanRecord;
  readonly untilNs: number;
  #others = 0;
  #othersNs = 0;

  constructor(record: SpanRecord, untilNs: number) {
    this.record = record;
    this.untilNs = untilNs;
  }

  add(record: SpanRecord): void {
    const shorter = durationNs(record) > durationNs(this.record) ? this.record : record;
    if (shorter === this.record) this.record = record;
    this.#others++;
    this.#othersNs += durationNs(shorter);
  }

  get suppressed(): SignalAttributes {
    if (this.#others === 0) return {};
    return { 'gridwatch.suppressed': this.#others, 'gridwatch.suppressed.time': this.#othersNs / 1e9 };
  }
}

/** A parent's children: how many it has been given, and the last one, which waits for those that would be too many. */
interface Children {
  count: number;
  last: Slowest | undefined;
  /** How long the last one waits. It doubles each time, so that a parent that lives for hours gets a few more, not thousands. */
  windowNs: number;
}

export class SpanEmitter {
  readonly #settings: SpanEmitterSettings;
  readonly #children = new Map<string, Children>();
  readonly #roots = new Map<string, Slowest>();

  constructor(settings: SpanEmitterSettings) {
    this.#settings = settings;
  }

  emit(record: SpanRecord): void {
    const { parent } = record;
    const isSampled = parent !== undefined && (parent.traceFlags & SAMPLED) !== 0;
    const isPromised = isSampled && isAwaited(record);
    if (record.isIncident === true || isPromised) this.#write(record, isSampled);
    else if (isSampled) this.#emitChild(record, parent);
    else if (durationNs(record) >= (record.minRootNs ?? 0)) this.#emitRoot(record);
  }

  /** To be called every second or so: lets through what has waited long enough. */
  tick(): void {
    const nowNs = this.#settings.nowNs();
    for (const [name, slowest] of this.#roots) if (nowNs >= slowest.untilNs) this.#releaseRoot(name, slowest);
    for (const children of this.#children.values()) {
      if (children.last !== undefined && nowNs >= children.last.untilNs) this.#releaseLast(children);
    }
  }

  /** Lets through all that waits. */
  flush(): void {
    for (const [name, slowest] of this.#roots) this.#releaseRoot(name, slowest);
    for (const children of this.#children.values()) this.#releaseLast(children);
  }

  #emitChild(record: SpanRecord, { traceId, spanId }: SpanParent): void {
    const id = `${traceId}${spanId}`;
    const children = this.#children.get(id) ?? { count: 0, last: undefined, windowNs: WINDOW_NS };
    this.#children.delete(id);
    this.#children.set(id, children);
    this.#forgetOldestParent();
    if (children.count < MAX_CHILDREN - 1) {
      children.count++;
      this.#write(record, true);
      return;
    }
    if (children.last === undefined) children.last = new Slowest(record, this.#settings.nowNs() + children.windowNs);
    else children.last.add(record);
  }

  #forgetOldestParent(): void {
    if (this.#children.size <= MAX_PARENTS) return;
    for (const [id, children] of this.#children) {
      this.#releaseLast(children);
      this.#children.delete(id);
      return;
    }
  }

  #emitRoot(record: SpanRecord): void {
    const slowest = this.#roots.get(record.name);
    if (slowest !== undefined) {
      slowest.add(record);
      return;
    }
    for (const [name, oldest] of this.#roots) {
      if (this.#roots.size < MAX_NAMES) break;
      this.#releaseRoot(name, oldest);
    }
    this.#roots.set(record.name, new Slowest(record, this.#settings.nowNs() + WINDOW_NS));
  }

  #releaseRoot(name: string, slowest: Slowest): void {
    this.#roots.delete(name);
    this.#write(slowest.record, false, slowest.suppressed);
  }

  #releaseLast(children: Children): void {
    const { last } = children;
    if (last === undefined) return;
    children.last = undefined;
    children.windowNs *= 2;
    this.#write(last.record, true, last.suppressed);
  }

  #write(record: SpanRecord, isChild: boolean, suppressed: SignalAttributes = {}): void {
    const { parent, spanId, children = [], minRootNs: _, ...rest } = record;
    const unsampled =
      parent === undefined || isChild
        ? {}
        : { 'gridwatch.parent.trace_id': parent.traceId, 'gridwatch.parent.span_id': parent.spanId };
    const attributes = withoutUndefined({ ...record.attributes, ...unsampled, ...suppressed });
    this.#settings.write({
      ...rest,
      attributes,
      ...(isChild && parent !== undefined ? { parent } : {}),
      /* In another trace nobody knows it by that id. */
      ...(isChild && spanId !== undefined ? { spanId } : {}),
      ...(children.length === 0 ? {} : { children: children.map((child) => outgoingChild(child, isChild)) }),
    });
  }
}

/** Spans of the program are children of it, or of its child. */
function isAwaited({ spanId, children = [] }: SpanRecord): boolean {
  return spanId !== undefined || children.some((child) => child.spanId !== undefined);
}

function outgoingChild({ spanId, ...child }: ChildSpanRecord, isInItsTrace: boolean): OutgoingChild {
  const attributes = withoutUndefined(child.attributes);
  return { ...child, attributes, ...(isInItsTrace && spanId !== undefined ? { spanId } : {}) };
}

function durationNs({ startNs, endNs }: SpanRecord): number {
  return endNs - startNs;
}

function withoutUndefined(attributes: SignalAttributes): Record<string, AttributeValue> {
  const present: Record<string, AttributeValue> = {};
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) present[key] = value;
  return present;
}
