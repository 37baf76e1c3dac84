/** async-sema does what it did, to the microtask; RateLimit is not looked at. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Declared } from '../../../../../agent/app-thread/instrumentation/patch.ts';
import { patchAsyncSema } from '../../../../../agent/app-thread/instrumentation/promise-locks/async-sema.ts';
import { AsyncLockState } from '../../../../../agent/shared-memory/async-locks.ts';
import { LockTracking } from '../../../../support/lock-tracking.ts';
import { commonJsCopy, logOf, type Scenario } from '../../../../support/promise-lock-copies.ts';

type Library = typeof import('async-sema');

const SCENARIOS: Record<string, Scenario<Library>> = {
  'tokens in order': async ({ Sema }, log) => {
    let made = 0;
    const sema = new Sema(2, { initFn: () => `token ${++made}` });
    await Promise.all(
      [1, 2, 3, 4].map(async (i) => {
        const token = await sema.acquire();
        log(`acquired ${i}`, [token, sema.nrWaiting()]);
        await Promise.resolve();
        sema.release(token as string);
      }),
    );
    log('waiting', sema.nrWaiting());
  },
  'try and drain': async ({ Sema }, log) => {
    const sema = new Sema(3);
    log('token', sema.tryAcquire());
    sema.release();
    const tokens = await sema.drain();
    log('drained', tokens);
    log('none', sema.tryAcquire());
    const waiting = sema.acquire().then((token) => log('acquired', token));
    log('waiting', sema.nrWaiting());
    for (const token of tokens) sema.release(token as string);
    await waiting;
  },
  'paused and resumed': async ({ Sema }, log) => {
    const sema = new Sema(1, { pauseFn: () => log('paused'), resumeFn: () => log('resumed'), capacity: 1 });
    await sema.acquire();
    const waits = [1, 2, 3].map(async (i) => {
      await sema.acquire();
      log('acquired', i);
      sema.release();
    });
    sema.release();
    await Promise.all(waits);
  },
  'what is wrong, and the surface': ({ Sema, RateLimit }, log) => {
    try {
      void new Sema(1, { pauseFn: () => 0 });
    } catch (error) {
      log('thrown', error);
    }
    class Own extends Sema {}
    log('own', new Own(1) instanceof Sema);
    log('keys', Object.keys(new Own(1)));
    for (const one of [Sema, RateLimit, Sema.prototype.acquire, Sema.prototype.tryAcquire, Sema.prototype.release])
      log('function', one);
    log('limit', RateLimit(1));
  },
};

/** As 3.0 has it. */
class OldLibrary {
  readonly Sema = class Sema {
    declare nrTokens: number;
    readonly free: string[] = [];
    readonly waiting: ((token: string) => void)[] = [];

    constructor(nr: number) {
      this.nrTokens = nr;
      for (let i = 0; i < nr; i++) this.free.push('1');
    }

    async acquire(): Promise<string> {
      return this.free.pop() ?? new Promise((resolve) => this.waiting.push(resolve));
    }

    release(): void {
      const next = this.waiting.shift();
      if (next === undefined) this.free.push('1');
      else next('1');
    }
  };
}

describe('async-sema', () => {
  let tracking: LockTracking;
  let library: Library;

  beforeEach(() => {
    tracking = new LockTracking();
    library = commonJsCopy<Library>('async-sema', tracking.tracker);
  });

  it.each(Object.keys(SCENARIOS))('does what it did: %s', async (name) => {
    const scenario = SCENARIOS[name] as Scenario<Library>;
    const plain = await logOf(commonJsCopy<Library>('async-sema'), scenario);
    expect(await logOf(library, scenario)).toEqual(plain);
    expect(plain.length).toBeGreaterThan(0);
    tracking.switchOff('promise_locks');
    expect(await logOf(library, scenario)).toEqual(plain);
  });

  it('counts, and is sure of nobody', async () => {
    const sema = new library.Sema(1);
    await sema.acquire();
    const second = sema.acquire();
    const { entries } = tracking;
    expect(entries.map(({ state, isCertain }) => [state, isCertain])).toEqual([
      [AsyncLockState.WAITING, false],
      [AsyncLockState.HELD, false],
    ]);
    sema.release();
    await second;
    sema.release();
    expect(tracking.only).toMatchObject({ acquisitions: 2, contentions: 1, waits: 1, holds: 2, waiters: 0 });
    expect(tracking.entries).toEqual([]);
  });

  it('counts what is free in versions that have no `tryAcquire`', async () => {
    const old = new OldLibrary();
    patchAsyncSema(old as unknown as Declared, tracking.tracker);
    const sema = new old.Sema(1);
    await sema.acquire();
    const second = sema.acquire();
    sema.release();
    await second;
    sema.release();
    await sema.acquire();
    sema.release();
    expect(tracking.only).toMatchObject({ acquisitions: 3, contentions: 1, waits: 1, holds: 3, waiters: 0 });
    expect(tracking.entries).toEqual([]);
  });

  it('leaves RateLimit alone', async () => {
    /* The limit gives its places back by timers: fifty wait for the first of those, and theirs end with the test, too. */
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const limit = library.RateLimit(100, { timeUnit: 10 });
      const all = Promise.all(Array.from({ length: 150 }, () => limit()));
      await vi.advanceTimersByTimeAsync(10);
      await all;
      expect(tracking.classes).toEqual({});
      await vi.advanceTimersByTimeAsync(10);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
