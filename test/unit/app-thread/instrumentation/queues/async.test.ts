/** async does what it did, to the microtask, in its bundle and its single files; and what goes through its queues is counted. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { QueueTracker } from '../../../../../agent/app-thread/queues/queue-tracker.ts';
import { expectTheSame, queueCopy, queueModules, type Scenario } from '../../../../support/queue-copies.ts';
import { AT_REST, QueueTracking } from '../../../../support/queue-tracking.ts';

type Done = (error?: unknown, result?: unknown) => void;
type Worker<T> = ((value: T, done: Done) => void) | ((value: T) => Promise<unknown>);

/** Of a queue, what is used here. */
interface Queue<T> extends Iterable<T> {
  concurrency: number;
  readonly started: boolean;
  push(value: T | readonly T[], priorityOrDone?: unknown, done?: Done): Promise<unknown>;
  pushAsync(value: T, ...more: unknown[]): Promise<unknown>;
  unshift(value: T): Promise<unknown>;
  remove(test: (task: { readonly data: T }) => boolean): void;
  kill(): void;
  pause(): void;
  resume(): void;
  idle(): boolean;
  length(): number;
  running(): number;
  workersList(): readonly unknown[];
  drain(handler?: () => void): Promise<void>;
  saturated(handler: () => void): void;
  unsaturated(handler: () => void): void;
  empty(handler: () => void): void;
  error(handler: (error: unknown, value: T) => void): void;
}

interface Library {
  queue<T>(worker: Worker<T>, concurrency: number): Queue<T>;
  priorityQueue<T>(worker: Worker<T>, concurrency: number): Queue<T>;
  cargo<T>(worker: Worker<T[]>, payload: number): Queue<T>;
  cargoQueue<T>(worker: Worker<T[]>, concurrency: number, payload: number): Queue<T>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const FACTORIES = ['queue', 'priorityQueue', 'cargo', 'cargoQueue'] as const;

const FORMS: Record<string, (tracker?: QueueTracker) => Library | Promise<Library>> = {
  bundle: (tracker) => queueCopy<Library>('async', tracker, ['dist/async.js']),
  'default of the bundle': (tracker) => queueCopy<{ default: Library }>('async', tracker, ['dist/async.js']).default,
  'single files': (tracker) => {
    const files = FACTORIES.map((name) => `${name}.js`);
    const index = queueCopy<Library>('async', tracker, files, 'async/index.js');
    return Object.fromEntries(FACTORIES.map((name) => [name, index[name]])) as unknown as Library;
  },
  'ES module': (tracker) =>
    queueModules<Library>(
      'async',
      {
        'dist/async.mjs': {
          queue: 'queue',
          priorityQueue: 'priorityQueue',
          cargo$1: 'cargo',
          cargo: 'cargoQueue',
          index: 'default',
        },
      },
      tracker,
    ).then((found) => {
      const { cargo$1, cargo, ...rest } = found as Library & {
        cargo$1: Library['cargo'];
        cargo: Library['cargoQueue'];
      };
      return { ...rest, cargo: cargo$1, cargoQueue: cargo };
    }),
};

const SCENARIOS: Record<string, Scenario<Library>> = {
  queue: async ({ queue: makeQueue }, log) => {
    const queue = makeQueue<number>((value, done) => {
      log(`works ${value}`, [queue.running(), queue.length(), queue.workersList().length]);
      setImmediate(() => done(value === 3 ? new RangeError('three') : null, value * 2));
    }, 2);
    queue.saturated(() => log('saturated'));
    queue.unsaturated(() => log('unsaturated'));
    queue.empty(() => log('empty'));
    queue.error((error, value) => log(`error ${value}`, error));
    const drained = new Promise<void>((resolve) => {
      void queue.drain(resolve);
    });
    void queue.push([1, 2, 3], (error: unknown, result: unknown) => log('called back', [String(error), result]));
    void queue.push(4).then((value) => log('fulfilled', value));
    void queue.pushAsync(3).catch((error: unknown) => log('rejected', error));
    void queue.unshift(5);
    log('tasks', [...queue]);
    await drained;
    log('idle', [queue.idle(), queue.started]);
    void queue.push([], () => log('nothing'));
    await turn();
  },
  'async functions, and what is thrown': async ({ queue: makeQueue }, log) => {
    const queue = makeQueue<number>(async (value: number) => {
      await Promise.resolve();
      if (value === 2) throw new RangeError('two');
      return value;
    }, 1);
    for (const value of [1, 2, 3])
      void queue
        .pushAsync(value)
        .then((result) => log('fulfilled', result))
        .catch((error: unknown) => log('rejected', error));
    await queue.drain();
    log('over');
  },
  priorityQueue: async ({ priorityQueue }, log) => {
    const queue = priorityQueue<number>((value, done) => {
      log('works', value);
      setImmediate(done, null, value);
    }, 1);
    for (const value of [1, 2, 3, 4]) void queue.push(value, value % 2, (_, result) => log('called back', result));
    void queue.push([7, 8], 0);
    await queue.drain();
    log('keys', Object.keys(queue));
  },
  'cargo and cargoQueue': async ({ cargo, cargoQueue }, log) => {
    const work = (values: number[], done: Done): void => {
      log('works', values);
      setImmediate(done, values.includes(4) ? new RangeError('four') : null, values.length);
    };
    for (const queue of [cargo<number>(work, 2), cargoQueue<number>(work, 2, 2)]) {
      for (const value of [1, 2, 3, 4, 5])
        void queue.push(value, (error?: unknown) => log(`called back ${value}`, String(error)));
      await queue.drain();
    }
  },
  'pause, kill, remove, and more of them': async ({ queue: makeQueue }, log) => {
    const queue = makeQueue<number>((value, done) => {
      log('works', value);
      setImmediate(done);
    }, 1);
    void queue.push([1, 2, 3, 4, 5]);
    queue.pause();
    queue.remove(({ data }) => data === 2);
    log('tasks', [...queue]);
    queue.concurrency = 3;
    queue.resume();
    await turn();
    void queue.push([6, 7, 8, 9]);
    queue.kill();
    while (queue.running() > 0) await turn();
    /* And what it would do in a turn of its own. */
    await turn();
    log('left', [queue.length(), queue.running()]);
    try {
      void queue.push(1, 'no function');
    } catch (error) {
      log('thrown', error);
    }
  },
  'called back twice': async ({ queue: makeQueue }, log) => {
    const queue = makeQueue<number>((_, done) => {
      done();
      try {
        done();
      } catch (error) {
        log('thrown', error);
      }
    }, 1);
    void queue.push(1, () => log('called back'));
    await turn();
    await turn();
  },
  'the surface': (library, log) => {
    for (const name of FACTORIES) log('function', library[name]);
    const queue = library.queue<number>(() => {}, 1);
    for (const name of Object.getOwnPropertyNames(queue))
      log(name, (queue as unknown as Record<string, unknown>)[name]);
    const tasks = (queue as unknown as { _tasks: object })._tasks;
    log('list', [Object.keys(tasks), Object.getOwnPropertyNames(Object.getPrototypeOf(tasks))]);
    for (const make of [() => library.queue(undefined as never, 1), () => library.queue(() => {}, 0)]) {
      try {
        make();
      } catch (error) {
        log('thrown', error);
      }
    }
  },
};

describe.each(Object.keys(FORMS))('async, its %s', (form) => {
  const load = FORMS[form] as (typeof FORMS)[string];
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
    const done: Done[] = [];
    const queue = library.queue<number>((_, back) => void done.push(back), 2);
    void queue.push([0, 1, 2, 3, 4]);
    void queue.unshift(5);
    expect(Object.keys(tracking.queues)).toEqual([
      expect.stringMatching(/^async@test\/unit\/app-thread\/instrumentation\/queues\/async\.test\.ts:\d+$/),
    ]);
    expect(tracking.only).toMatchObject({ kind: 'task_queue', arrivals: 6, size: 6, active: 0, threads: 2, limit: 2 });
    await turn();
    expect(tracking.only).toMatchObject({ size: 4, active: 2, waits: 2 });
    done.shift()?.(new Error('failed'));
    expect(tracking.only).toMatchObject({ completions: 1, errors: 1, size: 3, active: 2 });
    queue.remove(({ data }) => data === 4);
    expect(tracking.only).toMatchObject({ aborts: 1, size: 2 });
    while (done.length > 0) done.shift()?.();
    expect(tracking.only).toMatchObject({ arrivals: 6, completions: 5, aborts: 1, waits: 5, services: 5, ...AT_REST });
  });

  it('counts each of those that a cargo takes at once', async () => {
    const queue = library.cargo<number>(
      (values, back) => setImmediate(back, values.length > 2 ? new Error('3') : null),
      3,
    );
    void queue.push([1, 2, 3, 4], () => {});
    await queue.drain();
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4, errors: 3, waits: 4, services: 4, ...AT_REST });
  });

  it('counts those of a priority queue, and gives up what is killed', async () => {
    const done: Done[] = [];
    const queue = library.priorityQueue<number>((_, back) => void done.push(back), 1);
    void queue.push([1, 2, 3], 1);
    void queue.push(4, 0);
    await turn();
    expect(tracking.only).toMatchObject({ arrivals: 4, size: 3, active: 1 });
    queue.kill();
    expect(tracking.only).toMatchObject({ aborts: 3, size: 0, active: 1 });
    done.shift()?.();
    expect(tracking.only).toMatchObject({ completions: 1, ...AT_REST });
  });

  it('counts what async functions do', async () => {
    const queue = library.queue<number>(async (value: number) => {
      await turn();
      if (value === 1) throw new Error('one');
    }, 2);
    await Promise.allSettled([0, 1, 2].map((value) => queue.pushAsync(value)));
    await turn();
    expect(tracking.only).toMatchObject({ arrivals: 3, completions: 3, errors: 1, waits: 3, services: 3, ...AT_REST });
  });
});
