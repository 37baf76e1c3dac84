/**
 * Published SPECpower_ssj2008 results, out of test/fixtures/specpower/, and which CPU each of them has in the power model's terms. Their heads say where they were read,
 * and how they were chosen.
 */
import { readFileSync } from 'node:fs';
import type { CpuIdentity } from '../../../../agent/agent-thread/energy/cpu-identity.ts';

/** Watts at 0, 10, ... 100 % load. */
export interface LoadCurveResult {
  readonly kind: string;
  readonly threads: number;
  readonly watts: readonly number[];
}

export interface IdleAndMaxResult {
  readonly kind: string;
  readonly threads: number;
  readonly idleW: number;
  readonly maxW: number;
}

const intel = (model: number, stepping?: number): CpuIdentity => ({
  vendor: 'GenuineIntel',
  family: 6,
  model,
  stepping,
});
const amd = (family: number, model: number): CpuIdentity => ({ vendor: 'AuthenticAMD', family, model });

/** What `/proc/cpuinfo` says on these machines. */
export const CPUS: Readonly<Record<string, CpuIdentity>> = {
  snb: intel(42),
  'snb-ep': intel(45),
  ivb: intel(58),
  'ivb-ep': intel(62),
  'hsw-ep': intel(63),
  'bdw-ep': intel(79),
  skl: intel(94),
  skx: intel(85, 4),
  clx: intel(85, 7),
  cpx: intel(85, 11),
  icx: intel(106),
  'icx-d': intel(108),
  spr: intel(143),
  cfl: intel(158),
  rkl: intel(167),
  gnr: intel(173),
  emr: intel(207),
  naples: amd(23, 1),
  rome: amd(23, 49),
  milan: amd(25, 1),
  genoa: amd(25, 17),
  bergamo: amd(25, 160),
  turin: amd(26, 2),
  'turin-dense': amd(26, 17),
  altra: { vendor: '0x41', family: 8, model: 0xd0c },
};

export function cpuOf(kind: string): CpuIdentity {
  const cpu = CPUS[kind];
  if (cpu === undefined) throw new Error(`no such kind of CPU: ${kind}`);
  return cpu;
}

const fixture = (name: string): URL => new URL(`../../../fixtures/specpower/${name}`, import.meta.url);

function rowsOf(name: string): ReadonlyMap<string, string>[] {
  const lines = readFileSync(fixture(name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [head = '', ...rows] = lines;
  const columns = head.split(',');
  return rows.map((row) => new Map(row.split(',').map((value, at) => [columns[at] ?? '', value])));
}

function kindOf(row: ReadonlyMap<string, string>): string {
  const kind = row.get('kind') ?? '';
  cpuOf(kind);
  return kind;
}

function numberIn(row: ReadonlyMap<string, string>, column: string): number {
  const value = Number(row.get(column));
  if (!(value > 0)) throw new Error(`${column} of ${[...row.values()].join()} is no number of watts or threads`);
  return value;
}

const LEVELS = ['idle', '10', '20', '30', '40', '50', '60', '70', '80', '90', '100'];

export function loadCurveResults(name: 'load-curves.csv' | 'later-load-curves.csv'): LoadCurveResult[] {
  return rowsOf(name).map((row) => ({
    kind: kindOf(row),
    threads: numberIn(row, 'threads'),
    watts: LEVELS.map((level) => numberIn(row, level)),
  }));
}

export function idleAndMaxResults(): IdleAndMaxResult[] {
  return rowsOf('idle-and-max.csv').map((row) => ({
    kind: kindOf(row),
    threads: numberIn(row, 'threads'),
    idleW: numberIn(row, 'idle'),
    maxW: numberIn(row, 'max'),
  }));
}

/** The medians that cpu-families.ts was made of. */
export interface PublishedFamilies {
  readonly families: Readonly<
    Record<
      string,
      {
        readonly idle_w_per_thread: { readonly p50: number };
        readonly max_w_per_thread: { readonly p50: number };
        readonly big_hosts: { readonly n: number; readonly idle: number; readonly max: number } | null;
      }
    >
  >;
  readonly load_shape_0_to_100_step10: Readonly<Record<string, readonly number[]>>;
}

export function publishedFamilies(): PublishedFamilies {
  return JSON.parse(readFileSync(fixture('cpu-power-families.json'), 'utf8')) as PublishedFamilies;
}
