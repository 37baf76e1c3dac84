/** Helper threads: counted once, by class, and never beside a worker. */
import { beforeEach, describe, expect, it } from 'vitest';
import { HELPER_CLASSES, HelperThreads } from '../../../../agent/agent-thread/model/helper-threads.ts';
import { FakeDirectory, MS, S } from './fake-tasks.ts';

let directory: FakeDirectory;
let helpers: HelperThreads;
const known = new Set<number>();

function scan(nowNs: number): void {
  helpers.scan(nowNs, (osThreadId) => known.has(osThreadId));
}

function counts(): number[] {
  return HELPER_CLASSES.map((helperClass) => helpers.count(helperClass));
}

beforeEach(() => {
  directory = new FakeDirectory();
  helpers = new HelperThreads(directory, -1 * S);
  known.clear();
});

describe('HelperThreads', () => {
  it('counts helpers by class at once, and what could be a worker the second time', () => {
    for (const [id, name] of [
      [1, 'V8Worker'],
      [2, 'libuv-worker'],
      [3, 'libuv-worker'],
      [4, 'SignalInspector'],
    ] as const) {
      directory.add(id, { name });
    }
    scan(0);
    expect(counts()).toEqual([2, 1, 0]);
    scan(1 * S);
    expect(counts()).toEqual([2, 1, 1]);
  });

  it('looks once a second', () => {
    for (let ms = 0; ms < 3000; ms += 100) scan(ms * MS);
    expect(directory.lists).toBe(3);
  });

  it('does not count a worker that starts', () => {
    directory.add(9, { runNs: 30 * MS });
    scan(0);
    known.add(9);
    scan(1 * S);
    expect(counts()).toEqual([0, 0, 0]);
    expect(helpers.usage('other').userNs).toBe(0);
  });

  it('lets them live since the process began, or since the last look that did not see them', () => {
    directory.add(1, { name: 'libuv-worker', state: 'futex', runNs: 100 * MS });
    scan(0);
    directory.add(2, { name: 'libuv-worker', state: 'blocked_io', runNs: 10 * MS });
    directory.add(3, { name: 'SignalInspector', state: 'futex' });
    scan(1 * S);
    scan(2 * S);
    const libuv = helpers.usage('libuv');
    expect([libuv.of('running'), libuv.of('parked'), libuv.of('blocked_io')]).toEqual([110 * MS, 2900 * MS, 1990 * MS]);
    expect(helpers.usage('other').of('parked')).toBe(2 * S);
  });

  it('keeps what ended helpers have used, and closes them', () => {
    const task = directory.add(1, { name: 'libuv-worker', runNs: 100 * MS });
    scan(0);
    task.isGone = true;
    scan(1 * S);
    expect(counts()).toEqual([0, 0, 0]);
    expect(helpers.usage('libuv').userNs).toBe(100 * MS);
    expect(task.isClosed).toBe(true);
  });

  it('has none where threads cannot be listed', () => {
    directory.hasCpuTime = false;
    directory.add(1, { name: 'libuv-worker' });
    scan(0);
    expect(counts()).toEqual([0, 0, 0]);
  });

  it('gives its descriptors back', () => {
    const task = directory.add(1, { name: 'V8Worker' });
    scan(0);
    helpers.close();
    expect(task.isClosed).toBe(true);
  });
});
