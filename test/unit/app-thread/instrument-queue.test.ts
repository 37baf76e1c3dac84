/** A queue that no table knows is followed by the names of its methods. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from 'vitest';
import { instrument } from '../../../agent/app-thread/instrument-queue.ts';
import { setLockLink } from '../../../agent/app-thread/lock-link.ts';
import type { InstrumentQueueOptions } from '../../../agent/config/instrument-queue-options.ts';
import * as diag from '../../../agent/diag.ts';
import { eventually } from '../../support/eventually.ts';
import { AT_REST, QueueTracking } from '../../support/queue-tracking.ts';

/** A queue with names of its own: one at a time, as many as five. */
class OwnQueue {
  readonly #waiting: { start: () => void; refuse: (error: Error) => void }[] = [];
  #isBusy = false;

  put<T>(fn: () => T | Promise<T>): Promise<T> {
    if (this.#waiting.length >= 5) throw new RangeError('full');
    return this.#turn().then(async () => {
      try {
        return await fn();
      } finally {
        this.#isBusy = false;
        this.#waiting.shift()?.start();
      }
    });
  }

  empty(): void {
    for (const { refuse } of this.#waiting.splice(0)) refuse(new Error('emptied'));
  }

  #turn(): Promise<void> {
    if (!this.#isBusy) {
      this.#isBusy = true;
      return Promise.resolve();
    }
    return new Promise((start, refuse) => {
      this.#waiting.push({
        start: () => {
          this.#isBusy = true;
          start();
        },
        refuse,
      });
    });
  }
}

/** A pool of one resource. */
class OwnPool {
  readonly #resource = { id: 1 };
  readonly #waiting: ((resource: object) => void)[] = [];
  #isLent = false;

  get(): Promise<object> {
    if (this.#isLent) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isLent = true;
    return Promise.resolve(this.#resource);
  }

  put(resource: object): void {
    if (resource !== this.#resource) throw new RangeError('not of this pool');
    const next = this.#waiting.shift();
    if (next === undefined) this.#isLent = false;
    else next(this.#resource);
  }

  async getWithRelease(): Promise<() => void> {
    const resource = await this.get();
    return () => this.put(resource);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let tracking: QueueTracking;

/** Warnings from here on. */
function listen(): Mock<diag.Diag['warn']> {
  const warn = vi.fn<diag.Diag['warn']>();
  const voice: diag.Diag = { info: () => {}, warn, error: () => {}, once: () => voice };
  vi.spyOn(diag, 'createDiag').mockReturnValue(voice);
  return warn;
}

beforeEach(() => {
  tracking = new QueueTracking();
  setLockLink(new SharedArrayBuffer(8), {
    recorder: tracking.recorder,
    config: tracking.tracker.config,
    tell: () => {},
    beforeWait: () => {},
    blockListeners: [],
    atomics: Atomics,
  });
});

afterEach(() => {
  setLockLink(new SharedArrayBuffer(8), undefined);
  vi.restoreAllMocks();
});

describe('instrumentQueue', () => {
  it('follows functions that run when it is their turn', async () => {
    const queue = new OwnQueue();
    instrument(queue, { name: 'mails', run: 'put', concurrency: 1, capacity: 5 });
    const first = queue.put(async () => {
      await turn();
      return 'first';
    });
    const rest = [queue.put(() => Promise.reject(new Error('failed'))), queue.put(() => 'third')];
    await Promise.resolve();
    expect(tracking.only).toMatchObject({ kind: 'task_queue', arrivals: 3, size: 2, active: 1, limit: 1, capacity: 5 });
    expect(await first).toBe('first');
    expect((await Promise.allSettled(rest)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(tracking.queues).toEqual({
      mails: expect.objectContaining({ completions: 3, errors: 1, waits: 3, ...AT_REST }),
    });
    expect({ name: queue.put.name, length: queue.put.length, keys: Object.keys(queue) }).toEqual({
      name: 'put',
      length: 1,
      keys: [],
    });
  });

  it('counts what is refused, rejected and cleared', async () => {
    const queue = new OwnQueue();
    instrument(queue, { name: 'mails', run: 'put', clear: 'empty' });
    const all = [0, 1, 2, 3, 4, 5].map(() => queue.put(turn));
    expect(() => queue.put(turn)).toThrow('full');
    expect(tracking.only).toMatchObject({ arrivals: 6, rejections: 1 });
    await Promise.resolve();
    queue.empty();
    expect(tracking.only).toMatchObject({ aborts: 5, size: 0, active: 1 });
    expect((await Promise.allSettled(all)).filter(({ status }) => status === 'rejected')).toHaveLength(5);
    expect(tracking.only).toMatchObject({ arrivals: 6, completions: 1, aborts: 5, ...AT_REST });
  });

  it('follows resources that are handed out and given back', async () => {
    const pool = new OwnPool();
    instrument(pool, { name: 'database', acquire: 'get', release: 'put' });
    const resource = await pool.get();
    const second = pool.get();
    expect(tracking.only).toMatchObject({ kind: 'connection_pool', arrivals: 2, size: 1, active: 1 });
    pool.put(resource);
    pool.put(await second);
    expect(tracking.only).toMatchObject({ completions: 2, waits: 2, services: 2, ...AT_REST });
  });

  it('takes what acquire resolves to for the release where no method is named', async () => {
    const pool = new OwnPool();
    instrument(pool, { name: 'database', acquire: 'getWithRelease' });
    const release = await pool.getWithRelease();
    expect(tracking.only).toMatchObject({ active: 1 });
    release();
    expect(tracking.only).toMatchObject({ arrivals: 1, completions: 1, ...AT_REST });
  });

  it('ends each loan of a resource that several share', async () => {
    const shared = {};
    const pool = { get: () => Promise.resolve(shared), put: () => {} };
    const followed: { get: () => Promise<object>; put: (resource: object) => void } = pool;
    instrument(followed, { name: 'sessions', acquire: 'get', release: 'put' });
    await Promise.all([followed.get(), followed.get()]);
    expect(tracking.only).toMatchObject({ active: 2 });
    followed.put(shared);
    followed.put(shared);
    expect(tracking.only).toMatchObject({ arrivals: 2, completions: 2, ...AT_REST });
  });

  it("follows somebody else's promises, which stay as they are", async () => {
    let calls = 0;
    const returned: unknown[] = [];
    const lazily = (value: Promise<unknown>): object => {
      const then = (...args: Parameters<Promise<unknown>['then']>): unknown => {
        calls++;
        return value.then(...args);
      };
      // oxlint-disable-next-line no-thenable
      return { then };
    };
    const promises = [lazily(Promise.resolve('resource')), lazily(Promise.reject(new Error('gone')))];
    const pool = {
      get: () => promises.shift() as Promise<string>,
      put: (resource: unknown) => void returned.push(resource),
    };
    const [given, failing] = promises;
    instrument(pool, { name: 'sessions', acquire: 'get', release: 'put' });
    const first = pool.get();
    expect(first).toBe(given);
    expect({ calls, size: tracking.only.size }).toEqual({ calls: 0, size: 1 });
    expect([await first, await first]).toEqual(['resource', 'resource']);
    expect(tracking.only).toMatchObject({ active: 1, size: 0 });
    pool.put('resource');
    expect(returned).toEqual(['resource']);
    const second = pool.get();
    expect(second).toBe(failing);
    await expect(Promise.resolve(second)).rejects.toThrow('gone');
    expect(tracking.only).toMatchObject({ arrivals: 2, completions: 1, aborts: 1, ...AT_REST });
  });

  it('takes off what a queue had that the program has forgotten', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const forget = (): void => {
      const queue = new OwnQueue();
      instrument(queue, { name: 'mails', run: 'put', concurrency: 1 });
      for (let i = 0; i < 3; i++) void queue.put(() => new Promise(() => {}));
    };
    forget();
    await turn();
    expect(tracking.only).toMatchObject({ size: 2, active: 1, threads: 1, limit: 1 });
    await eventually('nothing is left of it', () => {
      collectGarbage();
      const { size, active, threads, limit } = tracking.only;
      return size + active + threads + limit === 0;
    });
  });

  it('leaves alone what is switched off', async () => {
    const queue = new OwnQueue();
    instrument(queue, { name: 'mails', run: 'put' });
    tracking.switchOff('queues');
    expect(await queue.put(() => 'value')).toBe('value');
    expect(tracking.only).toMatchObject({ arrivals: 0 });
  });

  it.each([
    [null, 'the queue is none'],
    [Object.freeze(new OwnQueue()), '`run` is "put", which cannot be replaced'],
  ])('says what cannot be followed', (queue, message) => {
    const warn = listen();
    instrument(queue as object, { name: 'a', run: 'put' });
    expect(warn).toHaveBeenCalledExactlyOnceWith(`instrumentQueue: ${message}; the queue is not followed`);
    expect(tracking.queues).toEqual({});
  });

  it('follows nothing twice', async () => {
    const queue = new OwnQueue();
    instrument(queue, { name: 'mails', run: 'put' });
    const warn = listen();
    instrument(queue, { name: 'again', run: 'put' });
    expect(warn).toHaveBeenCalledOnce();
    await queue.put(() => {});
    expect(tracking.only).toMatchObject({ arrivals: 1 });
  });

  it.each([
    [undefined, 'its options are none'],
    [{ run: 'put' }, '`name` is undefined, not a text'],
    [{ name: 'a' }, 'one of `run` and `acquire` is needed'],
    [{ name: 'a', run: 'add' }, '`run` is "add", not the name of one of its methods'],
    [{ name: 'a', run: 'put', concurrency: 0 }, '`concurrency` is 0, not a number from 1 on'],
    [{ name: 'a', run: 'put', limit: 1 }, 'there is no option `limit`'],
  ])('says once what is wrong with %j, and follows nothing', async (options, message) => {
    const warn = listen();
    const queue = new OwnQueue();
    instrument(queue, options as InstrumentQueueOptions);
    expect(warn).toHaveBeenCalledWith(`instrumentQueue: ${message}; the queue is not followed`);
    expect(await queue.put(() => 'value')).toBe('value');
    expect(Object.hasOwn(queue, 'put')).toBe(false);
    expect(tracking.queues).toEqual({});
  });
});
