/** What the example of contention makes of its runs: joules, tables and the picture. Runs are made up; no process is started. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

interface Spread {
  median: number;
  low: number;
  high: number;
}

interface Run {
  language: string;
  section: string;
  way: string;
  threads: number;
  round: number;
  seconds: number;
  cpuSeconds: number;
  delaySeconds: number;
  busySeconds: number;
  operations: number;
  utilization: number;
  machineJ: number;
  activeJ: number;
  idleJ: number;
}

type Row = { way: string; threads: number } & Record<'time' | 'cpu' | 'active' | 'idle' | 'total', Spread>;

interface Use {
  seconds: number;
  cpuSeconds: number;
  busySeconds: number;
}

interface Energy {
  says: string;
  isMeasured: boolean;
  logicalCpus: number;
  read: () => unknown;
  between: (
    before: unknown,
    after: unknown,
    use: Use,
  ) => Record<'utilization' | 'machineJ' | 'idleJ' | 'activeJ', number>;
}

interface Report {
  tablesOf: (runs: readonly Run[]) => { title: string; rows: Row[] }[];
  reportOf: (of: object) => string;
}

interface Cell {
  language: string;
  section: string;
  way: string;
  threads: number;
  command: string[];
}

interface Plan {
  WAYS: Record<string, { says: string }>;
  settingsOf: (env: object, isQuick: boolean) => { rounds: number; ms: number; threads: number[]; python: string };
  cellsOf: (settings: object, hasPython: boolean) => Cell[];
}

/** The examples are JavaScript, and say of no type what it is. */
const load = async (name: string): Promise<unknown> =>
  import(new URL(`../../../examples/energy-of-contention/${name}.js`, import.meta.url).href);

const { tablesOf, reportOf } = (await load('report')) as Report;
const { plotOf } = (await load('plot')) as { plotOf: (of: object) => string };
const { WAYS, settingsOf, cellsOf } = (await load('plan')) as Plan;
const { openEnergy } = (await load('machine')) as { openEnergy: (roots: object) => Promise<Energy> };
const { measuredEnergy, modelledEnergy } = (await load('energy')) as {
  measuredEnergy: (counters: object[], logicalCpus: number, idlePowerW: number) => Energy;
  modelledEnergy: (cpu: object, logicalCpus: number) => Energy;
};

function run(differences: Partial<Run>): Run {
  return {
    language: 'Node',
    section: 'tiny',
    way: 'sequential',
    threads: 1,
    round: 0,
    seconds: 1,
    cpuSeconds: 1,
    delaySeconds: 0,
    busySeconds: 1,
    operations: 1000,
    utilization: 0.5,
    machineJ: 5,
    activeJ: 3,
    idleJ: 2,
    ...differences,
  };
}

describe('energy', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  /** A `/sys` with the zones of a laptop: the package, what is in it, and what it is in. */
  function sysWith(zones: Record<string, Record<string, string>>): string {
    const sys = mkdtempSync(join(tmpdir(), 'contention-sys-'));
    folders.push(sys);
    for (const [zone, files] of Object.entries(zones)) {
      const folder = join(sys, 'class/powercap', zone);
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), `${text}\n`);
    }
    return sys;
  }

  const use = { seconds: 2, cpuSeconds: 1, busySeconds: 2 };

  it('reads the packages, and neither their parts nor what contains them', async () => {
    const maxRange = { max_energy_range_uj: '1000000000' };
    const sys = sysWith({
      'intel-rapl:0': { name: 'package-0', energy_uj: '999000000', ...maxRange },
      'intel-rapl:0:0': { name: 'core', energy_uj: '5', ...maxRange },
      'intel-rapl:1': { name: 'psys', energy_uj: '7', ...maxRange },
      'intel-rapl-mmio:0': { name: 'package-0', energy_uj: '999000000', ...maxRange },
    });
    const energy = await openEnergy({ sys, quietMs: 1 });
    expect(energy.isMeasured).toBe(true);
    const before = energy.read();
    writeFileSync(join(sys, 'class/powercap/intel-rapl:0/energy_uj'), '3000000\n');
    expect(energy.between(before, energy.read(), use)).toMatchObject({ machineJ: 4, idleJ: 0, activeJ: 2 });
  });

  it('models where a package has no readable counter, and says of which CPU', async () => {
    const sys = sysWith({ 'intel-rapl:0': { name: 'package-0', max_energy_range_uj: '1000000000' } });
    const proc = mkdtempSync(join(tmpdir(), 'contention-proc-'));
    folders.push(proc);
    writeFileSync(
      join(proc, 'cpuinfo'),
      'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\n',
    );
    const energy = await openEnergy({ sys, proc });
    expect(energy.isMeasured).toBe(false);
    expect(energy.says).toContain('Ice Lake-SP');
    expect((await openEnergy({ sys: '/nowhere', proc: '/nowhere' })).says).toContain('model:generic');
  });

  it('divides what the machine took, and loses nothing when one process was all there was', () => {
    const counters = [{ maxUj: 1e9 }];
    const energy = measuredEnergy(counters, 2, 1.5);
    const alone = energy.between([0], [10e6], { seconds: 2, cpuSeconds: 2, busySeconds: 2 });
    expect(alone).toEqual({ utilization: 0.5, machineJ: 10, idleJ: 3, activeJ: 7 });
    expect(energy.between([0], [10e6], { seconds: 2, cpuSeconds: 0, busySeconds: 0 })).toMatchObject({ activeJ: 0 });
  });

  it('prices a parked thread at nothing, and never more than the machine can draw', () => {
    const energy = modelledEnergy({ vendor: 'GenuineIntel', family: 6, model: 106 }, 4);
    const [parked, full] = [0, 4].map((busySeconds) =>
      energy.between(undefined, undefined, { seconds: 1, cpuSeconds: busySeconds, busySeconds }),
    );
    expect(parked).toMatchObject({ activeJ: 0, utilization: 0 });
    expect(full?.machineJ).toBeCloseTo((full?.activeJ ?? 0) + (full?.idleJ ?? 0), 9);
    expect(energy.between(undefined, undefined, { seconds: 1, cpuSeconds: 9, busySeconds: 9 })).toEqual(full);
  });
});

describe('the tables', () => {
  const runs = [
    run({}),
    run({ round: 1, seconds: 2, cpuSeconds: 2, activeJ: 6, idleJ: 4 }),
    run({ way: 'spin', threads: 2, operations: 500, cpuSeconds: 2, activeJ: 6, idleJ: 2, delaySeconds: 0.25 }),
    run({
      way: 'spin',
      threads: 2,
      round: 1,
      operations: 500,
      cpuSeconds: 2,
      activeJ: 6,
      idleJ: 2,
      delaySeconds: 0.25,
    }),
    ...['parked', 'spinning'].map((way) => run({ section: 'none', way, cpuSeconds: way === 'parked' ? 0.002 : 0.9 })),
  ];
  const energy = modelledEnergy({}, 2);
  const settings = { seed: 1, ms: 100 };
  const of = { runs, energy, pythonSays: 'No Python.', settings, machine: 'A machine' };

  it('compares for the same work, with the sequential run of the same round', () => {
    const [{ rows } = { rows: [] }] = tablesOf(runs);
    expect(rows.map(({ way, threads }) => [way, threads])).toEqual([
      ['sequential', 1],
      ['spin', 2],
    ]);
    expect(rows[0]?.cpu).toEqual({ median: 1, low: 1, high: 1 });
    /* Twice the CPU time for half the work, against 1 and against 2 CPU-seconds. */
    expect(rows[1]?.cpu).toEqual({ median: 3, low: 2, high: 4 });
    expect(rows[1]?.time).toEqual({ median: 1.5, low: 1, high: 2 });
    expect(rows[1]?.total).toMatchObject({ low: 1.6, high: 3.2 });
  });

  it('are Markdown, and say where the joules are from and what a second of waiting costs', () => {
    const report = reportOf(of);
    expect(report).toContain('Energy estimated (model:generic');
    expect(report).toMatch(
      /^\| spin +\| 2 +\| 1\.50 \(1\.00-2\.00\) \| 3\.00 \(2\.00-4\.00\) \| 2\.00 \| 50 % .* 250 ms\/s +\|$/m,
    );
    expect(report).toContain('parked 2.0 ms of CPU time (2.0-2.0), spinning 900.0 ms of CPU time');
    expect(report).toContain('No Python.');
    const widths = report.split('\n').filter((line) => line.startsWith('| '));
    expect(new Set(widths.map((line) => line.split('|').length))).toEqual(new Set([12]));
  });

  it('say that a machine on which others worked gives an indication only', () => {
    const busy = runs.map((one) => ({ ...one, busySeconds: one.busySeconds + 1 }));
    expect(reportOf({ ...of, runs: busy })).toContain('The machine was not quiet');
    expect(reportOf(of)).not.toContain('The machine was not quiet');
  });

  it('are drawn, each bar with its value, in tags that are all closed', () => {
    const svg = plotOf({ title: 'a < b & c', panels: tablesOf(runs) });
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).toContain('>3.00</text>');
    expect(svg.replace(/<(\w+)[^<>]*>[^<>]*<\/\1>|<\w+[^<>]*\/>/g, '').trim()).toMatch(/^<svg [^<>]*>\s*<\/svg>$/);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('the plan', () => {
  const settings = settingsOf({}, false);

  it('has every way in Node, with each number of threads, and starts each in a process of its own', () => {
    const cells = cellsOf(settings, false);
    const inTiny = cells.filter(({ section }) => section === 'tiny');
    expect(inTiny).toHaveLength(1 + (Object.keys(WAYS).length - 1) * settings.threads.length);
    expect(cells.every(({ command }) => command[0] === process.execPath)).toBe(true);
    expect(cells.filter(({ section }) => section === 'none').map(({ way }) => way)).toEqual(['parked', 'spinning']);
  });

  it('has those that Python has for Python, too, where there is one', () => {
    const inPython = cellsOf({ ...settings, python: 'python9' }, true).filter(({ language }) => language === 'Python');
    expect(new Set(inPython.map(({ way }) => way))).toEqual(
      new Set(['sequential', 'independent', 'spin', 'park', 'queue']),
    );
    expect(inPython.every(({ command }) => command[0] === 'python9')).toBe(true);
  });

  it('fits into five minutes on two CPUs, with 200 ms for each process to start and 60 ms for each thread to warm up', () => {
    const { rounds, ms } = settings;
    const roundMs = cellsOf(settings, true).reduce((sum, { threads }) => sum + ms + 200 + (60 * threads) / 2, 0);
    expect((rounds * roundMs) / 60_000).toBeLessThan(4.5);
  });
});
