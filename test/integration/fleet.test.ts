/**
 * What whoever runs a fleet can do to programs that go on running: switch the agent off and on, change what it does, and rely on its budget. Real
 * programs; the agent looks at its control file every ten seconds and measures itself over half a minute, so these tests take that long, together.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ObservedProgram, observe, startObserved } from '../support/observe.ts';

/** Collects garbage all the time, and parks a worker. */
const PROGRAM = `
  const { Worker } = require('node:worker_threads');
  new Worker("for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)", { eval: true, name: 'parked' });
  setInterval(() => globalThis.gc(), 100);
`;
const ARGS = ['--expose-gc', '-e', PROGRAM];

/** A look at the file, an export, and a busy machine. */
const LOOK_MS = 45_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-fleet-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function start(env: Record<string, string>): Promise<ObservedProgram> {
  return startObserved({ args: ARGS, deadlineMs: 150_000, env: { OTEL_METRIC_EXPORT_INTERVAL: '500', ...env } });
}

/** Waits until a metric is exported, or until exports come without it. */
async function waitUntil(program: ObservedProgram, metric: string, isExported: boolean): Promise<void> {
  const { receiver } = program;
  const what = `${metric} to be ${isExported ? 'exported' : 'gone'}`;
  receiver.clear();
  let seen = 0;
  await receiver.waitFor(
    what,
    ({ metrics }) => {
      const isThere = metrics.slice(seen).some(({ name }) => name === metric);
      const isExport = metrics.length > seen;
      seen = metrics.length;
      return isExport && isThere === isExported;
    },
    LOOK_MS,
  );
}

describe.concurrent('a program that runs', () => {
  it('follows its control file', async () => {
    const file = join(folder, 'control.json');
    await using program = await start({ GRIDWATCH_CONTROL_FILE: file });
    const { receiver, running } = program;
    await waitUntil(program, 'gridwatch.thread.state.time', true);

    writeFileSync(file, JSON.stringify({ features: '-threads', gcThresholdMs: 'soon' }));
    await waitUntil(program, 'gridwatch.thread.state.time', false);
    await waitUntil(program, 'v8js.gc.duration', true);
    await receiver.waitFor('the reason', () =>
      receiver.point('gridwatch.agent.feature.disabled', {
        'gridwatch.feature': 'threads',
        'gridwatch.reason': 'configured',
      }),
    );

    writeFileSync(file, JSON.stringify({ features: '-gc', gcThresholdMs: 0 }));
    await waitUntil(program, 'gridwatch.thread.state.time', true);
    await waitUntil(program, 'v8js.gc.duration', false);

    rmSync(file);
    await waitUntil(program, 'v8js.gc.duration', true);
    running.child.kill('SIGKILL');
    const lines = (await running.ended).stderr.trimEnd().split('\n');
    expect(lines).toEqual([
      'gridwatch: the control file: gcThresholdMs: "soon" is ignored (expected a number from 0 to 3600000 ms); 10 holds',
      'gridwatch: the control file: from now on features=-threads',
      'gridwatch: the control file: from now on features=-gc gcThresholdMs=0',
      'gridwatch: the control file: from now on as when the program started',
    ]);
  });

  it('is silent while it is switched off, from its start or later, and goes on where it was', async () => {
    const file = join(folder, 'off.json');
    writeFileSync(file, '{ "off": true }');
    const off = await observe({ args: ['--expose-gc', '-e', 'gc()'], env: { GRIDWATCH_CONTROL_FILE: file } });
    expect(off.result).toMatchObject({ exitCode: 0, stdout: '' });
    expect([off.observed.metrics, off.observed.spans]).toEqual([[], []]);

    /* What is known to be left out before the file is read is an incident. */
    const untold = await observe({
      args: ['--permission', '--allow-fs-read=*', '--allow-worker', '-e', 'setTimeout(() => {}, 1500)'],
      env: { GRIDWATCH_CONTROL_FILE: file, GRIDWATCH_INVENTORY: 'full' },
    });
    expect(untold.result.stderr).toContain('inventory is not observed');
    expect([untold.observed.metrics, untold.observed.spans, untold.observed.logs]).toEqual([[], [], []]);

    await using program = await start({ GRIDWATCH_CONTROL_FILE: file });
    rmSync(file);
    await waitUntil(program, 'v8js.gc.duration', true);
    const parked = { 'thread.name': 'parked', 'gridwatch.thread.state': 'parked' };
    await program.receiver.waitFor('the parked worker', (receiver) =>
      receiver.point('gridwatch.thread.state.time', parked),
    );

    writeFileSync(file, '{ "off": true }');
    const { requests } = program.receiver;
    let last = -1;
    await expect
      .poll(
        () => {
          const isSilent = requests.length === last;
          last = requests.length;
          return isSilent;
        },
        { timeout: LOOK_MS, interval: 3000 },
      )
      .toBe(true);
  });

  it('sheds what it has no memory for, says so once, counts it, and keeps the rest', async () => {
    await using program = await start({ GRIDWATCH_MAX_MEMORY_MB: '16' });
    const { receiver, running } = program;
    const budget = { 'gridwatch.reason': 'budget' };
    const point = await receiver.waitFor(
      'the first feature to be shed',
      () => receiver.point('gridwatch.agent.feature.disabled', budget),
      60_000,
    );
    expect(point).toMatchObject({ value: 1, attributes: { 'gridwatch.feature': 'races' } });
    /* Logs are exported apart from metrics. */
    const degraded = (): unknown[] => receiver.logs.filter(({ eventName }) => eventName === 'gridwatch.agent.degraded');
    await receiver.waitFor('the log record', () => degraded().length > 0);
    expect(degraded()).toHaveLength(1);
    await waitUntil(program, 'gridwatch.thread.state.time', true);
    running.child.kill('SIGKILL');
    const lines = (await running.ended).stderr.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^gridwatch: races is shed: the agent uses \d+ MB, GRIDWATCH_MAX_MEMORY_MB is 16$/),
    ]);
  });
});
