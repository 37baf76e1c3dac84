/**
 * What the locks of one class have counted, over all instances and threads, those that are gone included.
 *
 * Runs on the agent thread. A class is a name and a kind. There are never more classes than the bound: what comes later is counted as `_OTHER`.
 */
import { LOCK_MODES, type LockMode } from '../../shared-memory/async-locks.ts';
import { HistogramTotal, sumOfFirstNs } from '../../shared-memory/histogram.ts';
import type { LockKind } from '../../shared-memory/lock-block.ts';
import { OTHER } from '../telemetry/catalog.ts';
import type { MetricSink } from '../telemetry/metrics.ts';
import { LockBlame } from './lock-blame.ts';
import { shownName } from './shown-name.ts';

/** Kinds that are locks. A channel is a queue. */
export type ShownKind = Exclude<LockKind, 'none' | 'channel'>;

/** As many as there can be named locks, twice over. */
const MAX_CLASSES = 16_384;
/** Kinds that nobody has for himself, but for a semaphore of one permit. */
const SHARED_KINDS: ReadonlySet<LockKind> = new Set<LockKind>(['semaphore', 'condition', 'barrier']);

/** What was counted in one mode. */
export class ModeTotals {
  acquisitions = 0;
  contentions = 0;
  timeouts = 0;
  aborts = 0;
  #waits: HistogramTotal | undefined;
  #holds: HistogramTotal | undefined;

  /** Made when there is something to put into it: of most classes one mode is never used. */
  get waits(): HistogramTotal {
    return (this.#waits ??= new HistogramTotal('waits'));
  }

  get holds(): HistogramTotal {
    return (this.#holds ??= new HistogramTotal('waits'));
  }

  get waitedNs(): number {
    return this.#waits?.sumNs ?? 0;
  }

  /** The same, of each wait no more than its first `mostNs`. */
  firstNs(mostNs: number): number {
    return this.#waits === undefined ? 0 : sumOfFirstNs(this.#waits, mostNs);
  }

  get isUsed(): boolean {
    return this.acquisitions + this.contentions + this.timeouts + this.aborts > 0;
  }

  emit(sink: MetricSink, attributes: Readonly<Record<string, string>>): void {
    sink.sum('gridwatch.lock.acquisitions', attributes, this.acquisitions);
    sink.sum('gridwatch.lock.contentions', attributes, this.contentions);
    sink.sum('gridwatch.lock.timeouts', attributes, this.timeouts);
    sink.sum('gridwatch.lock.aborts', attributes, this.aborts);
    if (this.#waits !== undefined) sink.histogram('gridwatch.lock.wait.duration', attributes, this.#waits);
    if (this.#holds !== undefined) sink.histogram('gridwatch.lock.hold.duration', attributes, this.#holds);
  }
}

export class LockClass {
  readonly name: string;
  readonly kind: ShownKind;
  readonly blame: LockBlame = new LockBlame();
  abandonments = 0;
  /** Contentions of either mode that have blocked no thread. */
  asyncContentions = 0;
  /** As of the last look. */
  waiters = 0;
  oldestWaiterNs = 0;
  readonly #modes: readonly ModeTotals[] = LOCK_MODES.map(() => new ModeTotals());

  constructor(name: string, kind: ShownKind) {
    this.name = name;
    this.kind = kind;
  }

  of(mode: LockMode): ModeTotals {
    return this.#modes[LOCK_MODES.indexOf(mode)] as ModeTotals;
  }

  /** How often somebody had to wait, whichever way, how often of that without blocking a thread, and how long in all. */
  get contention(): { readonly waits: number; readonly asyncWaits: number; readonly waitedNs: number } {
    const of = (field: 'contentions' | 'waitedNs'): number => this.#modes.reduce((sum, mode) => sum + mode[field], 0);
    return { waits: of('contentions'), asyncWaits: this.asyncContentions, waitedNs: of('waitedNs') };
  }

  /** How long somebody waited in all, of each wait no more than its first `mostNs`. */
  waitedFirstNs(mostNs: number): number {
    return this.#modes.reduce((sum, mode) => sum + mode.firstNs(mostNs), 0);
  }

  /** Somebody waits, since then. */
  addWaiter(ageNs: number, count = 1): void {
    this.waiters += count;
    this.oldestWaiterNs = Math.max(this.oldestWaiterNs, ageNs);
  }

  emit(sink: MetricSink): void {
    const lock = { 'gridwatch.lock.name': this.name, 'gridwatch.lock.kind': this.kind };
    const ownMode = SHARED_KINDS.has(this.kind) ? 'shared' : 'exclusive';
    for (const mode of LOCK_MODES) {
      const totals = this.of(mode);
      /* An unused lock has its zeros all the same, in the mode that all of its kind have. */
      if (mode === ownMode || totals.isUsed) totals.emit(sink, { ...lock, 'gridwatch.lock.mode': mode });
    }
    sink.sum('gridwatch.lock.abandonments', lock, this.abandonments);
    sink.sum('gridwatch.lock.waiter.count', lock, this.waiters);
    sink.gauge('gridwatch.lock.oldest_waiter.age', lock, this.oldestWaiterNs);
    this.blame.emit(sink, lock);
  }
}

export class LockClasses {
  readonly #classes = new Map<string, LockClass>();
  readonly #maxClasses: number;

  constructor(maxClasses: number = MAX_CLASSES) {
    this.#maxClasses = maxClasses;
  }

  /** The class of this name and kind, as the program wrote it; undefined for kinds that are no locks. */
  of(rawName: string, kind: LockKind): LockClass | undefined {
    if (kind === 'none' || kind === 'channel') return undefined;
    const name = shownLockName(rawName, kind);
    return (
      this.#find(name, kind) ?? (this.#classes.size < this.#maxClasses ? this.#add(name, kind) : this.#other(kind))
    );
  }

  #find(name: string, kind: ShownKind): LockClass | undefined {
    return this.#classes.get(`${kind}\u0000${name}`);
  }

  #add(name: string, kind: ShownKind): LockClass {
    const added = new LockClass(name, kind);
    this.#classes.set(`${kind}\u0000${name}`, added);
    return added;
  }

  #other(kind: ShownKind): LockClass {
    return this.#find(OTHER, kind) ?? this.#add(OTHER, kind);
  }

  [Symbol.iterator](): Iterator<LockClass> {
    return this.#classes.values();
  }
}

/** A name on one line, without control and broken characters; that of the kind where there is none. */
export function shownLockName(rawName: string, kind: LockKind): string {
  return shownName(rawName, kind);
}
