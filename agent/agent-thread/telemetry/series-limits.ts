/**
 * The series limits of one family (threads, locks, queues, the rest): which names keep series of their own and which join `_OTHER`. Runs on the
 * agent thread. A name that appears gets its own series while there is room; once a minute a busier name takes the place of an idler one. It must
 * never let the family grow past its share, nor move a name to and fro: a name has to be twice as busy to displace another.
 */
import { type FAMILIES, type Family, OTHER } from './catalog.ts';
import type { ExportedSeries, HrTime, MetricSeries, SourceSeries } from './series.ts';

/** How much busier a name must be than the one it displaces. */
const DISPLACING_FACTOR = 2;

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

export class FamilyLimit {
  readonly family: Family;
  readonly #names = new Map<string, SeriesName>();
  readonly #maxNames: number;
  #maxSeries: number;
  readonly #alwaysKept: readonly string[];
  #ownNames = 0;
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

  /** A source's series is gone, and with it what it alone fed. */
  forget(name: SeriesName, source: SourceSeries): void {
    name.sources.delete(source);
    name.weight -= source.metric.weight;
    if (source.isOwn) this.#remove(source);
    if (name.sources.size > 0) return;
    this.#names.delete(name.name);
    if (name.isOwn) this.#ownNames--;
  }

  /** After a collection: the idlest names join the others until the family fits. */
  enforce(collection: number, startTime: HrTime): void {
    if (this.usedSeries <= this.#maxSeries) return;
    for (const name of this.#ranked((entry) => entry.isOwn && !this.#isKept(entry.name))) {
      if (this.usedSeries <= this.#maxSeries) return;
      this.#join(name, collection, startTime);
    }
  }

  /** Once a minute: names that became busy take the place of names that became idle. */
  rebalance(collection: number, startTime: HrTime): void {
    const joined = this.#ranked((entry) => !entry.isOwn && entry.name !== OTHER).toReversed();
    const idlest = this.#ranked((entry) => entry.isOwn && !this.#isKept(entry.name));
    for (const candidate of joined) {
      while (!this.#hasRoomFor(candidate.weight)) {
        const displaced = idlest[0];
        if (displaced === undefined || candidate.activity <= displaced.activity * DISPLACING_FACTOR) break;
        idlest.shift();
        this.#join(displaced, collection, startTime);
      }
      if (this.#hasRoomFor(candidate.weight)) this.#leaveOthers(candidate, startTime);
    }
    for (const name of this.#names.values()) name.activity /= 2;
  }

  /** Series that belong to no name are few and always kept. */
  #isKept(name: string): boolean {
    return name === '' || this.#alwaysKept.includes(name);
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

  #join(name: SeriesName, collection: number, startTime: HrTime): void {
    name.isOwn = false;
    this.#ownNames--;
    for (const source of name.sources) {
      if (!source.isOwn) continue;
      const left = source.target;
      this.#remove(source);
      source.isOwn = false;
      source.target = this.target(source.metric, source.attributes, false, startTime);
      if (left.isExported) source.metric.leaving.push(left);
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
