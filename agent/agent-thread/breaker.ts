/**
 * Keeps the agent within its budget (`GRIDWATCH_MAX_CPU`, `GRIDWATCH_MAX_MEMORY_MB`): a thread that uses more for half a minute sheds a feature,
 * and another half a minute later, until it is within; a feature comes back once the agent has used much less for a while.
 *
 * Runs on the agent thread, which measures itself. What detects a deadlock is never shed, whatever it costs.
 */
import type { Config, Feature } from '../config/options.ts';
import type { Diag } from '../diag.ts';
import type { FeatureSwitches } from './feature-switches.ts';
import type { AgentUsage } from './model/self.ts';
import type { LogRecord } from './telemetry/logs.ts';

/**
 * The order: what is missed least first. Not in it, and so never shed: `detectors`, and the four kinds of waits in which threads deadlock
 * (`locks`, `atomics`, `web_locks`, `promise_locks`).
 */
export const SHEDDING_ORDER: readonly Feature[] = [
  'races',
  'energy',
  'heap',
  'cpu',
  'eventloop',
  'messages',
  'queues',
  'pools',
  'gc',
  'threads',
];

const WINDOW_NS = 10e9;
/** One busy window is a burst, or the SDK being loaded. */
const WINDOWS_TO_SHED = 3;
/** Between this share of the budget and all of it nothing changes: a feature that came back would be shed again. */
const RECOVERY_SHARE = 0.7;
/** Windows below it before a feature comes back. They double each time that one was shed again: an hour at most. */
const WINDOWS_TO_RECOVER = 6;
const MAX_WINDOWS_TO_RECOVER = 360;

type Limits = Pick<Config, 'maxCpu' | 'maxMemoryMb'>;

export interface BreakerSettings {
  readonly limits: Limits;
  readonly usage: () => AgentUsage;
  readonly switches: Pick<FeatureSwitches, 'isOn' | 'isOff' | 'shed'>;
  readonly diag: Diag;
  readonly emitLog: (record: LogRecord) => void;
}

export class Breaker {
  readonly #settings: BreakerSettings;
  #limits: Limits;
  /** In the order in which they were shed. */
  #shed: readonly Feature[] = [];
  #windowNs: number;
  #cpuNs: number;
  #windowsOver = 0;
  #windowsUnder = 0;
  #windowsToRecover = WINDOWS_TO_RECOVER;
  #hasRecovered = false;

  constructor(settings: BreakerSettings, nowNs: number) {
    this.#settings = settings;
    this.#limits = settings.limits;
    this.#windowNs = nowNs;
    this.#cpuNs = settings.usage().cpuNs ?? 0;
  }

  /** Other limits from now on. */
  limit(limits: Limits): void {
    this.#limits = limits;
  }

  /** To be called often; measures over ten seconds. */
  check(nowNs: number): void {
    const elapsedNs = nowNs - this.#windowNs;
    if (elapsedNs < WINDOW_NS) return;
    const { cpuNs = 0, memoryBytes } = this.#settings.usage();
    const cores = (cpuNs - this.#cpuNs) / elapsedNs;
    this.#windowNs = nowNs;
    this.#cpuNs = cpuNs;
    const { maxCpu, maxMemoryMb } = this.#limits;
    const memoryMb = memoryBytes / 2 ** 20;
    const share = Math.max(cores / maxCpu, memoryMb / maxMemoryMb);
    this.#windowsOver = share > 1 ? this.#windowsOver + 1 : 0;
    this.#windowsUnder = share < RECOVERY_SHARE ? this.#windowsUnder + 1 : 0;
    if (this.#windowsOver >= WINDOWS_TO_SHED) {
      const isOfCpu = cores / maxCpu >= memoryMb / maxMemoryMb;
      const reason = isOfCpu
        ? `the agent uses ${cores.toFixed(3)} of a core, GRIDWATCH_MAX_CPU is ${maxCpu}`
        : `the agent uses ${Math.round(memoryMb)} MB, GRIDWATCH_MAX_MEMORY_MB is ${maxMemoryMb}`;
      this.#shedNext(reason, nowNs);
    } else if (this.#windowsUnder >= this.#windowsToRecover) {
      this.#recoverLast();
    }
  }

  #shedNext(reason: string, nowNs: number): void {
    const { switches, diag, emitLog } = this.#settings;
    if (switches.isOff) return;
    this.#windowsOver = 0;
    if (this.#hasRecovered) this.#windowsToRecover = Math.min(this.#windowsToRecover * 2, MAX_WINDOWS_TO_RECOVER);
    this.#hasRecovered = false;
    const feature = SHEDDING_ORDER.find((one) => switches.isOn(one));
    if (feature === undefined) {
      diag.once('nothing to shed').warn(`${reason}: there is nothing left to shed`);
      return;
    }
    this.#put([...this.#shed, feature]);
    const body = `${feature} is shed: ${reason}`;
    diag.once(`shed ${feature}`).warn(body);
    emitLog({
      eventName: 'gridwatch.agent.degraded',
      body,
      attributes: { 'gridwatch.feature': feature, 'gridwatch.reason': 'budget' },
      timeNs: nowNs,
      key: feature,
    });
  }

  #recoverLast(): void {
    this.#windowsUnder = 0;
    const feature = this.#shed.at(-1);
    if (feature === undefined) return;
    this.#hasRecovered = true;
    this.#put(this.#shed.slice(0, -1));
    this.#settings.diag.once(`recovered ${feature}`).info(`${feature} is back: the agent is well within its budget`);
  }

  #put(features: readonly Feature[]): void {
    this.#shed = features;
    this.#settings.switches.shed(features);
  }
}
