/**
 * The series limits of one family (threads, locks, queues, the rest): which names keep series of their own and which join `_OTHER`. Runs on the
 * agent thread. A name that appears gets its own series while there is room; once a minute busier names take the place of idler ones. It must
 * never let the family grow past its share, nor move a name to and fro: a name has to be twice as busy to displace another, and in the long run one
 * name a minute is displaced, because each newcomer is a few dozen new series for a backend.
 */
import { type FAMILIES, type Family, OTHER } from './catalog.ts';
import type { ExportedSeries, HrTime, MetricSeries, SourceSeries } from './series.ts';

/** How much busier a name must be than the one it displaces. */
const DISPLACING_FACTOR = 2;
/** Names that may be displaced in a minute when none was for long; it grows back by one a minute. */
const MAX_DISPLACED = 32;

/** A name with all the series the sources write for it. */
export class SeriesName {
  readonly name: string;
  readonly sources: Set<SourceSeries> = new Set();
  isOwn: boolean;
  /** What its series count, or would count, against the limit. */
  weight = 0;
  /** How busy it has been lately, in whatever the family is ranked by; halved every minute. */
  activity = 0;

  constructor(name: string, isOwn: boolean) {
    this.name = name;
    this.isOwn = isOwn;
  }
}

/** One collection. */
export interface CollectionTimes {
  readonly collection: number;
  readonly nowNs: number;
  readonly time: HrTime;
  /** When the one before was; of the first, when the agent began. */
  readonly previousTime: HrTime;
}

export class FamilyLimit {
  readonly family: Family;
  readonly #names = new Map<string, SeriesName>();
  readonly #maxNames: number;
  #maxSeries: number;
  readonly #alwaysKept: readonly string[];
  #ownNames = 0;
  #displaceable = MAX_DISPLACED;
  #wasJoining = false;
  /** The weight of the heaviest name so far: room for a newcomer, whose other series are yet to come. */
  #heaviest = 1;
  /** Series exported by this family, `_OTHER` included. */
  usedSeries = 0;

  constructor(family: Family, limits: (typeof FAMILIES)[Family], maxSeries: number) {
    this.family = family;
    this.#maxNames = limits.maxNames;
    this.#maxSeries = maxSeries;
    this.#alwaysKept = limits.alwaysKept;
  }

  /** Another limit from the next collection on. */
  set maxSeries(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  /** How many names stand together as `_OTHER`; a source may itself write to `_OTHER`, which is no name. */
  get joinedNames(): number {
    return this.#names.size - this.#ownNames - (this.#names.has(OTHER) ? 1 : 0);
  }

  /** Whether names have joined `_OTHER` since it was last asked, and none had before. */
  hasNewlyJoined(): boolean {
    const isJoining = this.joinedNames > 0;
    const isNew = isJoining && !this.#wasJoining;
    this.#wasJoining = isJoining;
    return isNew;
  }

  nameOf(name: string): SeriesName {
    let entry = this.#names.get(name);
    if (entry === undefined) {
      const isOwn = name !== OTHER && (this.#isKept(name) || this.#hasRoomFor(this.#heaviest));
      entry = new SeriesName(name, isOwn);
      this.#names.set(name, entry);
      if (entry.isOwn) this.#ownNames++;
    }
    return entry;
  }

  /** Finds the exported series for a source's series. */
  target(
    metric: MetricSeries,
    attributes: SourceSeries['attributes'],
    isOwn: boolean,
    startTime: HrTime,
  ): ExportedSeries {
    const found = metric.exportedSeries(isOwn ? attributes : metric.otherAttributes(attributes), startTime);
    if (found.isNew) this.usedSeries += metric.weight;
    return found.series;
  }

  add(name: SeriesName, source: SourceSeries): void {
    name.sources.add(source);
    name.weight += source.metric.weight;
    this.#heaviest = Math.max(this.#heaviest, name.weight);
  }

  /** Every series the sources write. */
  *sources(): Generator<SourceSeries> {
    for (const { sources } of this.#names.values()) yield* sources;
  }

  /** A source's series is gone, and with it what it alone fed. */
  forget(source: SourceSeries): void {
    const { name } = source;
    name.sources.delete(source);
    name.weight -= source.metric.weight;
    if (source.isOwn) this.#remove(source);
    if (name.sources.size > 0) return;
    this.#names.delete(name.name);
    if (name.isOwn) this.#ownNames--;
  }

  /** After a collection: the idlest names join the others until the family fits. */
  enforce(at: CollectionTimes): void {
    if (this.#fits) return;
    for (const name of this.#ranked((entry) => entry.isOwn && !this.#isKept(entry.name))) {
      if (this.#fits) return;
      this.#join(name, at);
    }
  }

  /** Once a minute: names that became busy take the place of names that became idle. */
  rebalance(at: CollectionTimes): void {
    this.#displaceable = Math.min(MAX_DISPLACED, this.#displaceable + 1);
    const joined = this.#ranked((entry) => !entry.isOwn && entry.name !== OTHER).toReversed();
    const idlest = this.#ranked((entry) => entry.isOwn && !this.#isKept(entry.name));
    for (const candidate of joined) {
      while (!this.#hasRoomFor(candidate.weight)) {
        const displaced = idlest[0];
        if (displaced === undefined || candidate.activity <= displaced.activity * DISPLACING_FACTOR) break;
        if (this.#displaceable <= 0) break;
        this.#displaceable--;
        idlest.shift();
        this.#join(displaced, at);
      }
      if (this.#hasRoomFor(candidate.weight)) this.#leaveOthers(candidate, at.time);
    }
    for (const name of this.#names.values()) name.activity /= 2;
  }

  /** Series that belong to no name are few and always kept. */
  #isKept(name: string): boolean {
    return name === '' || this.#alwaysKept.includes(name);
  }

  get #fits(): boolean {
    return this.usedSeries <= this.#maxSeries && this.#ownNames <= this.#maxNames;
  }

  #hasRoomFor(weight: number): boolean {
    return this.#ownNames < this.#maxNames && this.usedSeries + weight <= this.#maxSeries;
  }

  /** The idlest first; of equals the newest first. */
  #ranked(isWanted: (name: SeriesName) => boolean): SeriesName[] {
    return [...this.#names.values()]
      .filter(isWanted)
      .toReversed()
      .toSorted((a, b) => a.activity - b.activity);
  }

  #join(name: SeriesName, { collection, previousTime, nowNs }: CollectionTimes): void {
    name.isOwn = false;
    this.#ownNames--;
    for (const source of name.sources) {
      if (!source.isOwn) continue;
      const left = source.target;
      this.#remove(source);
      source.isOwn = false;
      source.target = this.target(source.metric, source.attributes, false, previousTime);
      const key = source.metric.keyOf(source.attributes);
      if (left.isExported) source.metric.leaving.set(key, { series: left, leftIn: collection, leftNs: nowNs });
      else source.metric.fold(left, source.target, collection);
    }
  }

  #leaveOthers(name: SeriesName, startTime: HrTime): void {
    name.isOwn = true;
    this.#ownNames++;
    for (const source of name.sources) {
      source.isOwn = true;
      source.target = this.target(source.metric, source.attributes, true, startTime);
    }
  }

  #remove(source: SourceSeries): void {
    source.metric.exported.delete(source.metric.keyOf(source.attributes));
    this.usedSeries -= source.metric.weight;
  }
}
