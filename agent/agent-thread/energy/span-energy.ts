/**
 * What the work on a task has cost: `E = j * t`, `t` the CPU time that its worker has told, `j` what a busy CPU drew in the readings from its beginning to its end.
 *
 * Runs on the agent thread, when records are drained and thereafter. It must never throw, and each span that it is given goes on, once.
 *
 * A task's span and its CPU time are records of two threads. The worker offers its own before it posts the result, so when the span is here the other one can be read:
 * by the end of the next drain at the latest, as rings are read one after the other. What has used a millisecond and more then waits for the reading that covers its
 * end, a second at most, because no earlier one knows how fast the CPUs ran.
 */
import type { TaskCpuRecord } from '../../shared-memory/queue-records.ts';
import type { SpanRecord } from '../telemetry/spans.ts';

/** A source that fails has no reading: then what a CPU drew last is taken. */
const MAX_WAIT_NS = 2.5e9;
/** What a worker has told of one task: the last may be of after its end, from what it has left running. */
const MAX_TOLD = 16;
/** Spans that wait, and CPU times whose task has not come; the oldest go first. */
const MAX_WAITING = 2048;

export interface EnergyRates {
  /** Watts for each CPU of the process that was busy then; 0 until it is known. */
  meanPowerPerCpuW(fromNs: number, untilNs: number): number;
  /** The end of the time of which that is known. */
  readonly knownUntilNs: number;
}

export interface SpanEnergySettings {
  readonly emit: (span: SpanRecord) => void;
  readonly rates: EnergyRates;
  readonly isOn: () => boolean;
}

interface Waiting {
  readonly span: SpanRecord;
  readonly drains: number;
}

export class SpanEnergy {
  readonly #settings: SpanEnergySettings;
  /** By the id of the task's span. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #used = new Map<string, TaskCpuRecord[]>();
  #drains = 0;

  constructor(settings: SpanEnergySettings) {
    this.#settings = settings;
  }

  /** What a task has used, up to that moment. */
  used(record: TaskCpuRecord): void {
    if (!this.#settings.isOn()) return;
    const waiting = this.#waiting.get(record.spanId);
    if (waiting !== undefined && !isWithin(record, waiting.span)) return;
    const told = this.#used.get(record.spanId) ?? [];
    this.#used.delete(record.spanId);
    this.#used.set(record.spanId, told);
    told.push(record);
    if (told.length > MAX_TOLD) told.shift();
    for (const oldest of this.#used.keys()) {
      if (this.#used.size <= MAX_WAITING) return;
      /* One that waits for its price is given the last one that is known. */
      const priced = this.#waiting.get(oldest);
      if (priced === undefined) this.#used.delete(oldest);
      else this.#release(oldest, priced);
    }
  }

  /** The span of a task that a worker has served; `isAlone` if it is known that the worker did nothing else meanwhile. */
  served(span: SpanRecord, isAlone: boolean): void {
    const { emit, isOn } = this.#settings;
    const { spanId } = span;
    if (spanId === undefined || !isAlone || !isOn() || this.#waiting.has(spanId)) {
      if (spanId !== undefined) this.#used.delete(spanId);
      emit(span);
      return;
    }
    this.#waiting.set(spanId, { span, drains: this.#drains });
    if (this.#waiting.size <= MAX_WAITING) return;
    const [oldest] = this.#waiting;
    if (oldest !== undefined) this.#release(...oldest);
  }

  /** To be called after each drain of all rings. */
  drained(nowNs: number): void {
    const { knownUntilNs } = this.#settings.rates;
    this.#drains++;
    for (const [spanId, waiting] of this.#waiting) {
      const { endNs } = waiting.span;
      const isPriced = knownUntilNs >= endNs || nowNs - endNs > MAX_WAIT_NS;
      if (this.#used.has(spanId) ? isPriced : this.#drains - waiting.drains > 1) this.#release(spanId, waiting);
    }
  }

  /** Lets through all that waits. */
  flush(): void {
    for (const [spanId, waiting] of this.#waiting) this.#release(spanId, waiting);
  }

  #release(spanId: string, { span }: Waiting): void {
    const used = this.#used.get(spanId)?.findLast((record) => isWithin(record, span));
    this.#waiting.delete(spanId);
    this.#used.delete(spanId);
    const energyJ = used === undefined ? 0 : this.#energyJ(used);
    const { emit } = this.#settings;
    if (energyJ > 0) emit({ ...span, attributes: { ...span.attributes, 'gridwatch.span.energy': energyJ } });
    else emit(span);
  }

  /** In whole microjoules, as all energies are; a watt is a microjoule a microsecond. */
  #energyJ({ beganNs, workedNs, cpuNs }: TaskCpuRecord): number {
    const { isOn, rates } = this.#settings;
    return isOn() ? Math.round((rates.meanPowerPerCpuW(beganNs, beganNs + workedNs) * cpuNs) / 1e3) / 1e6 : 0;
  }
}

/** Work on a task is within the task: anything else is not of this one, or was not told by a worker. */
function isWithin({ beganNs, workedNs }: TaskCpuRecord, { startNs, endNs }: SpanRecord): boolean {
  return beganNs >= startNs && beganNs + workedNs <= endNs;
}
