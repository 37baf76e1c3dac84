/** p-queue does what it did, to the microtask; and what goes through its queues is counted, also what is aborted, timed out or cleared. */
import type { default as PQueue } from 'p-queue';
import { beforeEach, describe, expect, it } from 'vitest';
import { setLockLink } from '../../../../../agent/app-thread/lock-link.ts';
import type { QueueTracker } from '../../../../../agent/app-thread/queues/queue-tracker.ts';
import { expectTheSame, queueModules, type Scenario } from '../../../../support/queue-copies.ts';
import { AT_REST, QueueTracking } from '../../../../support/queue-tracking.ts';

interface Library {
  readonly PQueue: typeof PQueue;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const load = (tracker?: QueueTracker): Promise<Library> =>
  queueModules<Library>(
    'p-queue',
    { 'dist/priority-queue.js': { PriorityQueue: 'default' }, 'dist/index.js': { PQueue: 'default' } },
    tracker,
  );

/** A list of a program's own. */
class Stack {
  readonly #runs: (() => Promise<unknown>)[] = [];

  get size(): number {
    return this.#runs.length;
  }

  filter(): (() => Promise<unknown>)[] {
    return this.#runs;
  }

  enqueue(run: () => Promise<unknown>): void {
    this.#runs.push(run);
  }

  dequeue(): (() => Promise<unknown>) | undefined {
    return this.#runs.pop();
  }

  setPriority(): void {}

  remove(): void {
    this.#runs.pop();
  }
}

const SCENARIOS: Record<string, Scenario<Library>> = {
  'in order, by priority': async ({ PQueue: Queue }, log) => {
    const queue = new Queue({ concurrency: 2 });
    for (const event of ['add', 'active', 'next', 'completed', 'error', 'empty', 'idle', 'pendingZero'])
      queue.addEventListener(event as 'add', () => log(event, [queue.size, queue.pending]));
    const results = [1, 2, 3, 4, 5].map((i) =>
      queue.add(
        async (given) => {
          log(`runs ${i}`, Object.keys(given));
          await Promise.resolve();
          if (i === 3) throw new RangeError('three');
          return i;
        },
        { priority: i % 3 },
      ),
    );
    for (const result of await Promise.allSettled(results))
      log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
    await queue.onIdle();
    log('at rest', queue.runningTasks);
  },
  'what is not asynchronous': async ({ PQueue: Queue }, log) => {
    const queue = new Queue({ concurrency: 1 });
    const results = await Promise.allSettled([
      queue.add(() => 'value'),
      queue.add(() => {
        throw new RangeError('thrown');
      }),
      // oxlint-disable-next-line no-thenable
      queue.add(() => ({ then: (resolve: (value: string) => void) => resolve('adopted') }) as never),
      queue.add(undefined as never),
      queue.addAll([() => 1, async () => 2]),
    ]);
    for (const result of results) log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
  },
  'aborted, at work and before': async ({ PQueue: Queue }, log) => {
    const queue = new Queue({ concurrency: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const results = [
      queue.add(
        ({ signal }) =>
          new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
        {
          signal: first.signal,
        },
      ),
      queue.add(() => log('never'), { signal: second.signal }),
      queue.add(() => log('never'), { signal: AbortSignal.abort(new RangeError('before')) }),
      queue.add(() => log('runs')),
    ].map((promise) => promise.catch((error: unknown) => log('rejected', error)));
    second.abort(new RangeError('second'));
    await turn();
    first.abort(new RangeError('first'));
    await Promise.all(results);
    log('size', [queue.size, queue.pending]);
  },
  'timed out': async ({ PQueue: Queue }, log) => {
    const queue = new Queue({ concurrency: 1, timeout: 5 });
    let settle = (): void => {};
    const work = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const hanging = queue.add(() => work).catch((error: unknown) => log('rejected', error));
    await Promise.all([hanging, queue.add(() => log('next'))]);
    settle();
    await queue.add(() => 1, { timeout: -1 }).catch((error: unknown) => log('rejected', error));
    await turn();
  },
  'cleared, paused, and more of them': async ({ PQueue: Queue }, log) => {
    const queue = new Queue({ concurrency: 1, autoStart: false });
    const gone = queue.add(() => log('never')).catch((error: unknown) => log('rejected', (error as Error).name));
    queue.clear();
    await gone;
    const results = [1, 2, 3, 4].map((i) => queue.add(() => log(`runs ${i}`, queue.pending)));
    queue.start();
    queue.concurrency = 3;
    await Promise.all(results);
    try {
      queue.concurrency = 0;
    } catch (error) {
      log('thrown', error);
    }
    log('concurrency', queue.concurrency);
  },
  'a list of its own, and a subclass': async ({ PQueue: Queue }, log) => {
    class Own extends Queue {
      override add(...args: Parameters<PQueue['add']>): Promise<never> {
        log('own add');
        return super.add(...args) as Promise<never>;
      }
    }
    const queue = new Own({ concurrency: 1, queueClass: Stack as never });
    await Promise.all([1, 2, 3].map((i) => queue.add(() => log('runs', i))));
    log('surface', [queue instanceof Queue, Object.keys(queue), Own.name]);
  },
  'the surface': ({ PQueue: Queue }, log) => {
    log('class', Queue);
    for (const name of Object.getOwnPropertyNames(Queue.prototype)) {
      const { value, get, set, enumerable } = Object.getOwnPropertyDescriptor(Queue.prototype, name) ?? {};
      for (const one of [value, get, set] as unknown[]) log(`${name} ${enumerable}`, one);
    }
    try {
      void new Queue({ concurrency: -1 });
    } catch (error) {
      log('thrown', error);
    }
  },
  'a rejection that nobody handles': async ({ PQueue: Queue }, log) => {
    const queue = new Queue({ concurrency: 1 });
    void queue.add(async () => {
      throw new RangeError('nobody');
    });
    /* Node tells of it before the next turn. */
    await turn();
    log('over');
  },
};

describe('p-queue', () => {
  let tracking: QueueTracking;
  let library: Library;

  beforeEach(async () => {
    tracking = new QueueTracking();
    library = await load(tracking.tracker);
  });

  it.each(Object.entries(SCENARIOS))('does what it did: %s', async (_, scenario) => {
    await expectTheSame(scenario, await load(), library, tracking);
  });

  it('counts those that wait, those at work, and how they end', async () => {
    const queue = new library.PQueue({ concurrency: 2 });
    const results = [0, 1, 2, 3, 4].map((i) =>
      queue.add(async () => {
        await turn();
        if (i === 1) throw new Error('one');
      }),
    );
    expect(Object.keys(tracking.queues)).toEqual([
      expect.stringMatching(/^p-queue@test\/unit\/app-thread\/instrumentation\/queues\/p-queue\.test\.ts:\d+$/),
    ]);
    expect(tracking.only).toMatchObject({ kind: 'task_queue', arrivals: 5, size: 3, active: 2, threads: 2, limit: 2 });
    await Promise.allSettled(results);
    expect(tracking.only).toMatchObject({ completions: 5, errors: 1, aborts: 0, waits: 5, services: 5, ...AT_REST });
    queue.concurrency = Number.POSITIVE_INFINITY;
    expect(tracking.only).toMatchObject({ threads: 0, limit: 0 });
  });

  it('counts what was aborted, timed out or cleared', async () => {
    const queue = new library.PQueue({ concurrency: 1 });
    const controller = new AbortController();
    const { signal } = controller;
    let settle = (): void => {};
    const work = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const hanging = queue.add(() => work, { timeout: 1 });
    const aborted = [queue.add(() => 1, { signal }), queue.add(() => 1, { signal })];
    controller.abort();
    expect(tracking.only).toMatchObject({ arrivals: 3, aborts: 2, size: 0, active: 1 });
    await Promise.allSettled([hanging, ...aborted]);
    await turn();
    expect(tracking.only).toMatchObject({ arrivals: 3, aborts: 3, completions: 0, ...AT_REST });
    queue.pause();
    const cleared = queue.add(() => 1);
    queue.clear();
    await cleared.catch(() => {});
    await queue.add(() => 1, { timeout: -1 }).catch(() => {});
    expect(tracking.only).toMatchObject({ arrivals: 4, aborts: 4, ...AT_REST });
    settle();
    await turn();
    expect(tracking.only).toMatchObject({ arrivals: 4, aborts: 4, completions: 0 });
  });

  it('counts what goes through a list of the program', async () => {
    const queue = new library.PQueue({ concurrency: 1, queueClass: Stack as never });
    const controller = new AbortController();
    const results = [queue.add(turn), queue.add(() => {})];
    const aborted = queue.add(() => {}, { signal: controller.signal });
    expect(tracking.only).toMatchObject({ arrivals: 3, size: 2, active: 1 });
    controller.abort();
    await Promise.allSettled([...results, aborted]);
    expect(tracking.only).toMatchObject({ arrivals: 3, completions: 2, aborts: 1, ...AT_REST });
  });

  it('knows of tasks that wait behind the task that has added them', async () => {
    const { recorder, tracker } = tracking;
    const noOne = { tell: () => {}, beforeWait: () => {}, blockListeners: [], atomics: Atomics };
    setLockLink(new SharedArrayBuffer(8), { recorder, config: tracker.config, ...noOne });
    try {
      const queue = new library.PQueue({ concurrency: 1 });
      const stuck = queue.add(async () => {
        await turn();
        await queue.add(() => {});
      });
      await turn();
      await turn();
      expect(tracking.only).toMatchObject({ size: 1, active: 1, selfWaiting: 1 });
      queue.clear();
      await expect(stuck).rejects.toThrow('cleared');
      await turn();
      expect(tracking.only).toMatchObject({ selfWaiting: 0, ...AT_REST });
    } finally {
      setLockLink(new SharedArrayBuffer(8), undefined);
    }
  });
});
