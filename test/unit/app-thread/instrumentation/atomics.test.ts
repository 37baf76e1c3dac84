/** Raw waits are counted by call site; only those at sites that are named become records. */
import { afterEach, describe, expect, it } from 'vitest';
import { patchAtomicsWait } from '../../../../agent/app-thread/instrumentation/atomics.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';

const word = new Int32Array(new SharedArrayBuffer(8));
let undo = (): void => {};

function patched(sites: readonly string[] = []): LockTracking {
  const tracking = new LockTracking();
  undo = patchAtomicsWait(tracking.recorder, sites, () => {});
  return tracking;
}

afterEach(() => undo());

const SITE = /^test\/unit\/app-thread\/instrumentation\/atomics\.test\.ts:\d+$/;

describe('Atomics.wait', () => {
  it('counts a wait under its call site, whatever became of it', () => {
    const tracking = patched();
    const wait = (timeoutMs: number): string => Atomics.wait(word, 0, 0, timeoutMs);
    for (let i = 0; i < 3; i++) expect(wait(1)).toBe('timed-out');
    expect(Atomics.wait(word, 0, 1)).toBe('not-equal');
    const [name] = Object.keys(tracking.classes);
    expect(name).toMatch(SITE);
    expect(tracking.only).toMatchObject({ timeouts: 3, acquisitions: 0, contentions: 0, waits: 0 });
  });

  it('makes no record of a wait that may be an idle one', () => {
    const tracking = patched();
    Atomics.wait(word, 0, 0, 2);
    expect(tracking.told().waits).toEqual([]);
  });

  it('makes a record of a long wait at a site that is named, without a holder', () => {
    const tracking = patched(['*atomics.test.ts:*']);
    Atomics.wait(word, 0, 0, 2);
    const { waits } = tracking.told();
    expect(waits).toHaveLength(1);
    const [wait] = waits;
    expect(wait).toMatchObject({ kind: 'atomics', lockId: 0, outcome: 'timeout', holder: { holderWord: 0, slot: 0 } });
    expect(wait?.durationNs).toBeGreaterThan(1e6);
    expect(tracking.name(wait?.siteNumber ?? 0)).toMatch(SITE);
  });

  it('counts together what waits more often than sites are looked up', () => {
    const tracking = patched();
    for (let i = 0; i < 150; i++) Atomics.wait(word, 0, 0, 0);
    const { classes } = tracking;
    expect(Object.keys(classes).filter((name) => !SITE.test(name))).toEqual(['_OTHER']);
    expect(classes['_OTHER']?.timeouts).toBe(50);
  });

  it('counts nothing while atomics, or locks, are switched off', () => {
    const tracking = patched();
    for (const feature of ['atomics', 'locks'] as const) {
      tracking.switchOff(feature);
      Atomics.wait(word, 0, 0, 1);
    }
    expect(tracking.classes).toEqual({});
  });

  it('throws what it threw, and counts nothing then', () => {
    const tracking = patched();
    expect(() => Atomics.wait(new Int32Array(4), 0, 0)).toThrow(TypeError);
    expect(tracking.classes).toEqual({});
  });
});
