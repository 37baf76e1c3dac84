/**
 * What the machine draws from its batteries while it runs on nothing else: all of it, screen and all.
 *
 * Runs on the agent thread, a few small files every five seconds while a model is used, and in the process of `gridwatch doctor`, once. It must never throw, nor go on where a
 * read is slow: the firmware of some laptops asks the battery over a bus of 100 kHz.
 *
 * Batteries are those of the system by `type` and `scope`, so not a mouse's. Units are the kernel's: microwatts, microamperes, microvolts (Documentation/ABI/testing/sysfs-class-power);
 * some drivers write what is drawn as a negative number.
 */
import type { ProcFile, ProcTree } from '../host/proc.ts';

const SUPPLIES = 'class/power_supply';

/** A thousandth of a core at a look every five seconds; three of these, and batteries are left alone. */
const MAX_READ_NS = 5e6;
const MAX_SLOW_READS = 3;

/** Outside of it a gauge is broken, or has another unit: no laptop draws less than a watt or so asleep, nor more than its charger gives. */
const MIN_POWER_W = 0.5;
const MAX_POWER_W = 500;

interface Cell {
  readonly status: ProcFile;
  /** Whose product is the power: watts, or amperes and volts. */
  readonly factors: readonly ProcFile[];
}

export interface BatterySettings {
  readonly sys: ProcTree;
  readonly nowNs: () => number;
}

export class Battery {
  /** The names of its cells: `BAT0`. */
  readonly label: string;
  readonly #settings: BatterySettings;
  readonly #cells: readonly Cell[];
  /** `online` of what could feed the machine beside them. */
  readonly #chargers: readonly ProcFile[];
  #slowReads = 0;

  /** Use `findBattery`. */
  constructor(settings: BatterySettings, names: readonly string[], chargers: readonly string[]) {
    const { sys } = settings;
    const file = (supply: string, name: string): ProcFile => sys.file(`${SUPPLIES}/${supply}/${name}`);
    this.label = names.join(', ');
    this.#settings = settings;
    this.#cells = names.map((name) => ({
      status: file(name, 'status'),
      factors: (has(sys, name, 'power_now') ? ['power_now'] : ['current_now', 'voltage_now']).map((one) =>
        file(name, one),
      ),
    }));
    this.#chargers = chargers.map((name) => file(name, 'online'));
  }

  /** Watts at this moment; undefined while something else feeds the machine as well, or where it cannot be told. */
  powerW(): number | undefined {
    if (this.isGivenUp) return undefined;
    const { nowNs } = this.#settings;
    const beganNs = nowNs();
    const powerW = this.#isAlone() ? this.#sumW() : undefined;
    if (nowNs() - beganNs > MAX_READ_NS) this.#slowReads++;
    if (this.isGivenUp) this.dispose();
    return powerW !== undefined && powerW >= MIN_POWER_W && powerW <= MAX_POWER_W ? powerW : undefined;
  }

  /** It has been too slow, and is not read any more. */
  get isGivenUp(): boolean {
    return this.#slowReads >= MAX_SLOW_READS;
  }

  dispose(): void {
    for (const { status, factors } of this.#cells) for (const file of [status, ...factors]) file.close();
    for (const file of this.#chargers) file.close();
  }

  #isAlone(): boolean {
    return this.#chargers.every((file) => this.#numberIn(file) !== 1);
  }

  /** Of two batteries mostly one discharges at a time. */
  #sumW(): number | undefined {
    let sumW = 0;
    for (const { status, factors } of this.#cells) {
      const state = status.read() ? this.#settings.sys.scanner.text().trim() : '';
      if (state === '' || state === 'Charging') return undefined;
      if (state === 'Discharging')
        sumW += factors.reduce((product, file) => (product * Math.abs(this.#numberIn(file))) / 1e6, 1);
    }
    return Number.isFinite(sumW) ? sumW : undefined;
  }

  #numberIn(file: ProcFile): number {
    const text = file.read() ? this.#settings.sys.scanner.text().trim() : '';
    return /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  }
}

/** Undefined on a machine that has none, or none that says what it gives. */
export function findBattery(settings: BatterySettings): Battery | undefined {
  const { sys } = settings;
  const batteries: string[] = [];
  const chargers: string[] = [];
  for (const name of (sys.list(SUPPLIES) ?? []).toSorted()) {
    const text = (file: string): string => sys.readText(`${SUPPLIES}/${name}/${file}`)?.trim() ?? '';
    if (text('scope') === 'Device') continue;
    const type = text('type');
    if (type === 'Battery' && text('present') !== '0') batteries.push(name);
    if (type === 'Mains' || type === 'UPS' || type.startsWith('USB')) chargers.push(name);
  }
  const canTell = batteries.every((name) => has(sys, name, 'power_now') || has(sys, name, 'current_now'));
  return batteries.length > 0 && canTell ? new Battery(settings, batteries, chargers) : undefined;
}

function has(sys: ProcTree, supply: string, file: string): boolean {
  return sys.readText(`${SUPPLIES}/${supply}/${file}`) !== undefined;
}
