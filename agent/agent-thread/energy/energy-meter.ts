/**
 * The energy of this process: reads a source once a second, divides what it says, and keeps the sums.
 *
 * Runs on the agent thread: `tick` ten times a second, `collect` when a reader wants the numbers. It must never throw, wait, or read more than a few small files.
 *
 * What a source says is of the time since its last good reading, and so is the CPU time that it is divided by: each reading remembers the counters of its moment, and
 * an interval is held against those of the moment at which it began. Time without a good reading has no energy.
 *
 * The source may become another one (`lasting-source.ts`). What each has told is a sum of its own, which stays what it is when the next one's begins at zero: no sum ever
 * falls, the process is all of them together, and threads, whose sums go on, are as much as all active ones.
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { Ahead, Attribution } from './attribution.ts';
import { IdlePower } from './idle-power.ts';
import type { NodeTimes } from './node-cpu.ts';
import { RateHistory } from './rate-history.ts';
import type { EnergySource } from './sources/energy-source.ts';

const INTERVAL_NS = 1e9;
/** A reader that comes between two readings is given a reading of its own, unless the last one is as young as this: the kernel counts in ticks of 10 ms. */
const MIN_INTERVAL_NS = 2e8;
/** At the end a coarse reading is better than none. */
const MIN_LAST_INTERVAL_NS = 3e7;
/** Readings that are kept for an interval to begin at: of a source that fails for longer, the time before is a gap. */
const MAX_MOMENTS = 120;

/** The threads of the process that run none of the program's JavaScript, and are no helpers that are known. */
const REST = 'other';

export interface EnergyMeterSettings {
  /** Its name, its boundary and all else may change from one look to the next. */
  readonly source: EnergySource;
  /** What the node draws idle, by the model: of a measured source, what to believe at first. */
  readonly idlePowerW: number;
  /** How far what the process has of the source of this moment can be off. */
  readonly uncertainty: () => number;
  readonly node: { read(): NodeTimes | undefined };
  /** CPU time of the threads so far, by name; those of one name together. It grows. */
  readonly threadsNs: () => ReadonlyMap<string, number>;
  readonly processNs: () => number;
  /** The share of the node that is kept free for this process, 0 to 1; undefined where nothing is: then it carries as much of the idle energy as it uses. */
  readonly reservedShare: () => number | undefined;
  readonly frequencyRatio: () => number;
  readonly logicalCpus: number;
  /** Grams of CO2-equivalent per joule of energy, and per hour of the hardware that this process has; undefined where nothing was configured. */
  readonly carbon?: { readonly gramsPerJoule: number; readonly gramsPerHour: number } | undefined;
  readonly nowNs: () => number;
}

/** The counters at a reading. */
interface Moment {
  readonly atNs: number;
  readonly node: NodeTimes;
  readonly elsewhereNs: number;
  readonly usedNs: ReadonlyMap<string, number>;
}

/** What a source has told of this process, with one boundary. */
interface Told {
  readonly from: { readonly 'gridwatch.energy.source': string; readonly 'gridwatch.energy.boundary': string };
  /** Of a measured source. */
  readonly idle: IdlePower;
  activeUj: number;
  idleUj: number;
}

export class EnergyMeter implements MetricSource {
  readonly #settings: EnergyMeterSettings;
  readonly #attribution = new Attribution();
  readonly #rest = new Ahead();
  readonly #elsewhere = new Ahead();
  readonly #threadsUj = new Map<string, number>();
  #moments: Moment[] = [];
  /** What the threads had used by the last look, as they were told, and in all. */
  #threadsNs: ReadonlyMap<string, number> = new Map();
  readonly #usedNs = new Map<string, number>();
  #knownNs = 0;
  #restNs = 0;
  #elsewhereNs = 0;
  /** The last one is that of the source of this moment. */
  readonly #told: Told[] = [];
  #dividedNs = 0;
  #ratePowerW = 0;
  readonly #rates = new RateHistory();
  #knownUntilNs = Number.NEGATIVE_INFINITY;
  #idlePowerW = 0;
  #dueNs = Number.NEGATIVE_INFINITY;

  constructor(settings: EnergyMeterSettings) {
    this.#settings = settings;
  }

  /** Watts for each CPU of the process that is busy; 0 until it is known. */
  get powerPerCpuW(): number {
    return this.#ratePowerW;
  }

  /** The end of the interval in which that was so. */
  get knownUntilNs(): number {
    return this.#knownUntilNs;
  }

  /** The same, of the readings that have a part of that time. */
  meanPowerPerCpuW(fromNs: number, untilNs: number): number {
    return this.#rates.meanPowerPerCpuW(fromNs, untilNs);
  }

  /** Watts that go by for each CPU of the node when nobody uses it; 0 until it is known. */
  get idlePowerPerCpuW(): number {
    return this.#idlePowerW / this.#settings.logicalCpus;
  }

  tick(nowNs: number): void {
    if (nowNs >= this.#dueNs) this.#read(nowNs);
  }

  /** A reading for somebody who asks between two, unless the last one is young. */
  catchUp(nowNs: number): void {
    if (nowNs >= this.#dueNs - INTERVAL_NS + MIN_INTERVAL_NS) this.#read(nowNs);
  }

  /** One more reading, of all there will be, unless the last one is too young for the ticks in which the kernel counts. */
  end(nowNs: number): void {
    if (nowNs >= this.#dueNs - INTERVAL_NS + MIN_LAST_INTERVAL_NS) this.#read(nowNs);
  }

  #read(nowNs: number): void {
    this.#dueNs = nowNs + INTERVAL_NS;
    const moment = this.#look(nowNs);
    if (moment === undefined) return;
    const before = this.#moments.at(-1);
    const { source, frequencyRatio } = this.#settings;
    const utilization = before === undefined ? 0 : utilizationOf(before.node, moment.node);
    const read = source.read(nowNs, { utilization, frequencyRatio: frequencyRatio() });
    if (read !== undefined) this.#divide(read.energyUj, read.durationNs, moment);
    this.#moments.push(moment);
    if (this.#moments.length > MAX_MOMENTS) this.#moments.shift();
  }

  #look(atNs: number): Moment | undefined {
    const node = this.#settings.node.read();
    if (node === undefined) return undefined;
    const { threadsNs, processNs } = this.#settings;
    const told = threadsNs();
    for (const [name, ns] of told) {
      /* What was told under a name that is no longer told has shrunk nothing: it was used all the same. */
      const gainedNs = Math.max(0, ns - (this.#threadsNs.get(name) ?? 0));
      this.#knownNs += gainedNs;
      this.#usedNs.set(name, (this.#usedNs.get(name) ?? 0) + gainedNs);
    }
    this.#threadsNs = told;
    for (const name of this.#usedNs.keys()) if (!told.has(name)) this.#usedNs.delete(name);
    const ownNs = processNs();
    this.#restNs += this.#rest.gained(ownNs, this.#knownNs);
    this.#elsewhereNs += this.#elsewhere.gained(node.busyNs, Math.max(ownNs, this.#knownNs));
    const usedNs = new Map(this.#usedNs).set(REST, (this.#usedNs.get(REST) ?? 0) + this.#restNs);
    return { atNs, node, elsewhereNs: this.#elsewhereNs, usedNs };
  }

  #divide(energyUj: number, durationNs: number, now: Moment): void {
    const beganNs = now.atNs - durationNs;
    const from = this.#moments.findLast(({ atNs }) => atNs <= beganNs + INTERVAL_NS / 2);
    this.#moments = [];
    if (from === undefined || energyUj < 0) return;
    const { source, reservedShare } = this.#settings;
    const utilization = utilizationOf(from.node, now.node);
    const tally = this.#tally();
    if (source.isMeasured) tally.idle.saw(energyUj, durationNs, utilization);
    const threadsNs = new Map<string, number>();
    for (const [name, ns] of now.usedNs) threadsNs.set(name, ns - (from.usedNs.get(name) ?? 0));
    const elsewhereNs = now.elsewhereNs - from.elsewhereNs;
    const idleShare = reservedShare() ?? usedShare(threadsNs, elsewhereNs);
    this.#idlePowerW = source.isMeasured ? tally.idle.powerW : (source.idlePowerW ?? 0);
    const shares = this.#attribution.divide({
      energyUj,
      durationNs,
      idlePowerW: this.#idlePowerW,
      idleShare,
      threadsNs,
      elsewhereNs,
    });
    tally.activeUj += shares.processActiveUj;
    tally.idleUj += shares.processIdleUj;
    this.#dividedNs += durationNs;
    for (const [name, uj] of shares.threadsUj) this.#threadsUj.set(name, (this.#threadsUj.get(name) ?? 0) + uj);
    /* Who is not told of any more is not kept either. */
    for (const name of this.#threadsUj.keys()) if (!now.usedNs.has(name)) this.#threadsUj.delete(name);
    if (shares.processNs <= 0) return;
    this.#ratePowerW = (shares.processActiveUj * 1e3) / shares.processNs;
    this.#rates.add(now.atNs, shares.processActiveUj, shares.processNs);
    this.#knownUntilNs = now.atNs;
  }

  #tally(): Told {
    const { source, idlePowerW } = this.#settings;
    const from = { 'gridwatch.energy.source': source.name, 'gridwatch.energy.boundary': source.boundary };
    const last = this.#told.at(-1);
    const isSame =
      last?.from['gridwatch.energy.source'] === source.name &&
      last.from['gridwatch.energy.boundary'] === source.boundary;
    if (last !== undefined && isSame) return last;
    const added = { from, idle: new IdlePower(idlePowerW), activeUj: 0, idleUj: 0 };
    this.#told.push(added);
    return added;
  }

  collect(sink: MetricSink): void {
    const { uncertainty, carbon } = this.#settings;
    this.catchUp(this.#settings.nowNs());
    if (this.#dividedNs === 0) return;
    let energyUj = 0;
    for (const { from, activeUj, idleUj } of this.#told) {
      sink.sum('gridwatch.process.energy', { 'gridwatch.energy.component': 'active', ...from }, activeUj);
      sink.sum('gridwatch.process.energy', { 'gridwatch.energy.component': 'idle', ...from }, idleUj);
      energyUj += activeUj + idleUj;
    }
    for (const [name, uj] of this.#threadsUj) sink.sum('gridwatch.thread.energy', { 'thread.name': name }, uj);
    sink.gauge('gridwatch.cpu.power', {}, this.#ratePowerW);
    sink.gauge('gridwatch.energy.uncertainty', {}, uncertainty());
    if (carbon === undefined) return;
    const operationalG = (energyUj / 1e6) * carbon.gramsPerJoule;
    const embodiedG = (this.#dividedNs / 3600e9) * carbon.gramsPerHour;
    sink.sum('gridwatch.process.carbon', {}, operationalG + embodiedG);
  }

  dispose(): void {
    this.#settings.source.dispose();
  }
}

function usedShare(threadsNs: ReadonlyMap<string, number>, elsewhereNs: number): number {
  let ownNs = 0;
  for (const ns of threadsNs.values()) ownNs += ns;
  return ownNs > 0 ? ownNs / (ownNs + elsewhereNs) : 0;
}

function utilizationOf(before: NodeTimes, now: NodeTimes): number {
  const totalNs = now.totalNs - before.totalNs;
  return totalNs > 0 ? Math.min(1, Math.max(0, (now.busyNs - before.busyNs) / totalNs)) : 0;
}
