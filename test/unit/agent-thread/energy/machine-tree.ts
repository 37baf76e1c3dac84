/**
 * A machine: `proc` and `sys` as the kernel would show them, whose files change and fail on request. For the tests of `energy/`, in their process. Rights cannot be taken away by `chmod`, because tests may run as root.
 */
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type FileAccess, ProcTree } from '../../../../agent/agent-thread/host/proc.ts';
import { FakeFiles } from '../host/proc-fixtures.ts';

export type Files = Readonly<Record<string, string>>;

/** Where a machine's files are: the class below keeps them in a folder, the one after it in memory. */
export interface Machine extends Disposable {
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  /** By the end of a path: the code with which reading it fails. */
  readonly failures: Map<string, string>;
  readonly openFiles: number;
  write(files: Files): void;
}

export class MachineTree implements Machine {
  readonly folder: string = nodeFs.mkdtempSync(join(tmpdir(), 'gridwatch-energy-'));
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  readonly failures: Map<string, string> = new Map();
  readonly #openPaths = new Map<number, string>();

  constructor(files: Files = {}) {
    const fs = failing(nodeFs, this.failures, this.#openPaths);
    this.sys = new ProcTree({ root: this.path('sys'), fs });
    this.proc = new ProcTree({ root: this.path('proc'), fs });
    this.write(files);
  }

  path(below: string): string {
    return join(this.folder, below);
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      nodeFs.mkdirSync(dirname(this.path(path)), { recursive: true });
      nodeFs.writeFileSync(this.path(path), content);
    }
  }

  remove(below: string): void {
    nodeFs.rmSync(this.path(below), { recursive: true });
  }

  /** A name in a class's folder is a link, as in sysfs. */
  link(below: string, target: string): void {
    nodeFs.mkdirSync(dirname(this.path(below)), { recursive: true });
    nodeFs.symlinkSync(target, this.path(below));
  }

  get openFiles(): number {
    return this.#openPaths.size;
  }

  [Symbol.dispose](): void {
    nodeFs.rmSync(this.folder, { recursive: true });
  }
}

/** For thousands of steps: a file in a folder takes a hundred times as long. */
export class MemoryMachine implements Machine {
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  readonly failures: Map<string, string> = new Map();
  readonly #fs = new FakeFiles({});
  readonly #openPaths = new Map<number, string>();

  constructor() {
    const fs = failing(this.#fs, this.failures, this.#openPaths);
    this.sys = new ProcTree({ root: '/sys', fs });
    this.proc = new ProcTree({ root: '/proc', fs });
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) this.#fs.files.set(`/${path}`, content);
  }

  get openFiles(): number {
    return this.#openPaths.size;
  }

  [Symbol.dispose](): void {
    this.#fs.files.clear();
  }
}

function failing(fs: FileAccess, failures: ReadonlyMap<string, string>, openPaths: Map<number, string>): FileAccess {
  const check = (path: string): void => {
    for (const [end, code] of failures) if (path.endsWith(end)) throw Object.assign(new Error(code), { code });
  };
  return {
    openSync: (path, ...rest) => {
      check(String(path));
      const fd = fs.openSync(path, ...rest);
      openPaths.set(fd, String(path));
      return fd;
    },
    readSync: ((fd: number, buffer: Buffer, offset: number, length: number, position: number): number => {
      check(openPaths.get(fd) ?? '');
      return fs.readSync(fd, buffer, offset, length, position);
    }) as FileAccess['readSync'],
    closeSync: (fd) => {
      openPaths.delete(fd);
      fs.closeSync(fd);
    },
    readdirSync: ((path: string) => fs.readdirSync(path.replace(/\/\.$/, ''))) as FileAccess['readdirSync'],
  };
}

/** What two sizes of counters wrap at: Intel's, in units of 61 uJ, and AMD's, in units of 15.3 uJ. */
export const RANGE_UJ = { intel: 262_143_328_850n, amd: 65_532_610_987n } as const;

export interface ZoneFiles {
  readonly name: string;
  readonly energyUj?: bigint | number;
  readonly rangeUj?: bigint;
  /** Absent on AMD, and 0 where the firmware says nothing. */
  readonly ratedW?: number;
}

/** Zones by their place, `intel-rapl:0:1`. */
export function powercap(zones: Readonly<Record<string, ZoneFiles>>): Files {
  const files: Record<string, string> = {};
  for (const [place, { name, energyUj = 1000, rangeUj = RANGE_UJ.intel, ratedW }] of Object.entries(zones)) {
    const folder = `sys/class/powercap/${place}`;
    files[`${folder}/name`] = `${name}\n`;
    files[`${folder}/energy_uj`] = `${energyUj}\n`;
    files[`${folder}/max_energy_range_uj`] = `${rangeUj}\n`;
    if (ratedW !== undefined) {
      files[`${folder}/constraint_0_name`] = 'long_term\n';
      files[`${folder}/constraint_0_max_power_uw`] = `${ratedW * 1e6}\n`;
    }
  }
  return files;
}

export function energyFile(place: string): string {
  return `sys/class/powercap/${place}/energy_uj`;
}

/** `/proc/uptime` at a time of our clock, when the machine has slept for so long. */
export function uptime(nowNs: number, sleptNs = 0): Files {
  return { 'proc/uptime': `${((nowNs + sleptNs) / 1e9).toFixed(2)} 12.00\n` };
}

export const NO_LOAD = { utilization: 0, frequencyRatio: 1 } as const;
