/**
 * What the machine draws from its batteries while it runs on nothing else: all of it, screen and all.
 *
 * Runs on the agent thread, a few small files every five seconds while a model is used, and in the process of `gridwatch doctor`, once. It must never throw, nor go on where a
 * read is slow: the firmware of some laptops asks the battery over a bus of 100 kHz.
 *
 * Batteries are those of the system by `type` and `scope`, so not a mouse's; whatever else there is of the system's may feed it. Units are the kernel's: microwatts, microamperes, microvolts
 * (Documentation/ABI/testing/sysfs-class-power); some drivers write what is drawn as a negative number. Docks and second batteries come and go: the folder is listed at each look.
 */
import type { ProcFile, ProcTree } from '../host/proc.ts';

const SUPPLIES = 'class/power_supply';

/** A thousandth of a core at a look every five seconds; three of these, and batteries are left alone. */
const MAX_READ_NS = 5e6;
const MAX_SLOW_READS = 3;

/** Two batteries and a supply for each socket are a dozen; a folder with more is none of sysfs, and would take long to read. */
const MAX_SUPPLIES = 64;

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

/** What is in the folder. */
interface Supplies {
  /** The names of all, in their order. */
  readonly names: string;
  readonly batteries: readonly string[];
  readonly cells: readonly Cell[];
  /** `online` of what could feed the machine beside them. */
  readonly chargers: readonly ProcFile[];
}

export class Battery {
  readonly #settings: BatterySettings;
  #supplies: Supplies;
  #slowReads = 0;

  /** Use `findBattery`. */
  constructor(settings: BatterySettings, supplies: Supplies) {
    this.#settings = settings;
    this.#supplies = supplies;
  }

  /** The names of its cells: `BAT0`. */
  get label(): string {
    return this.#supplies.batteries.join(', ');
  }

  /** Watts at this moment; undefined while something else feeds the machine as well, or where it cannot be told. */
  powerW(): number | undefined {
    if (this.isGivenUp) return undefined;
    const { nowNs } = this.#settings;
    const beganNs = nowNs();
    this.#lookAround();
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
    const { cells, chargers } = this.#supplies;
    for (const { status, factors } of cells) for (const file of [status, ...factors]) file.close();
    for (const file of chargers) file.close();
  }

  #lookAround(): void {
    const { sys } = this.#settings;
    if (namesIn(sys)?.join() === this.#supplies.names) return;
    this.dispose();
    this.#supplies = suppliesIn(sys);
  }

  /** Of what cannot be asked nobody knows, unless it has no such file. `online` may be 2, too: a charger that was told what to give. */
  #isAlone(): boolean {
    return this.#supplies.chargers.every((file) => this.#numberIn(file) === 0 || file.isGone);
  }

  /** Of two batteries mostly one discharges at a time. */
  #sumW(): number | undefined {
    let sumW = 0;
    const { cells } = this.#supplies;
    if (cells.length === 0) return undefined;
    for (const { status, factors } of cells) {
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
  const supplies = suppliesIn(settings.sys);
  return supplies.cells.length > 0 ? new Battery(settings, supplies) : undefined;
}

function namesIn(sys: ProcTree): readonly string[] | undefined {
  return sys.list(SUPPLIES)?.toSorted();
}

/** Without cells where there are none, or where one of them does not say what it gives. */
function suppliesIn(sys: ProcTree): Supplies {
  const names = namesIn(sys) ?? [];
  const batteries: string[] = [];
  const chargers: ProcFile[] = [];
  const known: Supplies = { names: names.join(), batteries, cells: [], chargers };
  if (names.length > MAX_SUPPLIES) return known;
  for (const name of names) {
    const text = (file: string): string => sys.readText(`${SUPPLIES}/${name}/${file}`)?.trim() ?? '';
    if (text('scope') === 'Device') continue;
    if (text('type') !== 'Battery') chargers.push(sys.file(`${SUPPLIES}/${name}/online`));
    else if (text('present') !== '0') batteries.push(name);
  }
  const cells = batteries.map((name) => cellOf(sys, name));
  return { ...known, cells: cells.every((cell) => cell !== undefined) ? cells : [] };
}

function cellOf(sys: ProcTree, name: string): Cell | undefined {
  const [status] = filesOf(sys, name, ['status']);
  const factors = [['power_now'], ['current_now', 'voltage_now']]
    .map((files) => filesOf(sys, name, files))
    .find(({ length }) => length > 0);
  return status === undefined || factors === undefined ? undefined : { status, factors };
}

/** All of these, or none where one is missing. */
function filesOf(sys: ProcTree, supply: string, names: readonly string[]): readonly ProcFile[] {
  const paths = names.map((name) => `${SUPPLIES}/${supply}/${name}`);
  return paths.every((path) => sys.readText(path) !== undefined) ? paths.map((path) => sys.file(path)) : [];
}
