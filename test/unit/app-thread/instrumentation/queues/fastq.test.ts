/** fastq does what it did, to the microtask, with callbacks and with promises; and what goes through its queues is counted. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type fastq from 'fastq';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../support/eventually.ts';
import { expectTheSame, queueCopy, type Scenario } from '../../../../support/queue-copies.ts';
import { AT_REST, QueueTracking } from '../../../../support/queue-tracking.ts';

type Library = typeof fastq;
type Done = (error: Error | null, result?: unknown) => void;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const SCENARIOS: Record<string, Scenario<Library>> = {
  'callbacks in order': async (fast, log) => {
    const context = { factor: 2 };
    const queue = fast<typeof context, number>(
      context,
      function (value, done) {
        log(`works ${value}`, [queue.running(), queue.length()]);
        setImmediate(() => done(value === 3 ? new RangeError('three') : null, value * this.factor));
      },
      2,
    );
    queue.saturated = () => log('saturated');
    queue.empty = () => log('empty');
    queue.error((error, value) => log(`error handler ${value}`, error));
    await new Promise<void>((resolve) => {
      queue.drain = () => {
        log('drain', queue.idle());
        resolve();
      };
      for (const i of [1, 2, 3, 4, 5])
        queue.push(i, (error, result) => log(`called back ${i}`, [String(error), result]));
      queue.unshift(6, (error, result) => log('called back 6', [String(error), result]));
      queue.push(7);
      log('queue', queue.getQueue());
    });
  },
  'at once': (fast, log) => {
    const queue = fast<unknown, number>((value, done: Done) => {
      log('works', value);
      if (value === 1) queue.push(2, () => log('inner'));
      done(null, value);
    }, 1);
    queue.push(1, () => log('outer'));
    queue.push(3);
    log('idle', queue.idle());
  },
  'pause, resume, and more of them': async (fast, log) => {
    const queue = fast<unknown, number>((value, done: Done) => {
      log('works', value);
      setImmediate(done, null);
    }, 1);
    queue.pause();
    for (const i of [1, 2, 3, 4, 5, 6]) queue.push(i, () => log('done', i));
    queue.resume();
    queue.resume();
    queue.concurrency = 3;
    await turn();
    queue.pause();
    await turn();
    log('length', [queue.length(), queue.running(), queue.concurrency]);
    queue.resume();
    await turn();
    await turn();
  },
  'kill, and what comes after': async (fast, log) => {
    for (const method of ['kill', 'killAndDrain', 'abort'] as const) {
      const queue = fast<unknown, number>((value, done: Done) => {
        log('works', value);
        setImmediate(done, null);
      }, 1);
      queue.drain = () => log('drain');
      for (const i of [1, 2, 3]) queue.push(i, (error) => log(`called back ${i}`, error));
      queue[method]();
      queue.push(4, () => log('four'));
      await turn();
      await turn();
    }
  },
  'a worker that throws': (fast, log) => {
    const queue = fast<unknown, number>(() => {
      throw new RangeError('thrown');
    }, 1);
    try {
      queue.push(1);
    } catch (error) {
      log('thrown', error);
    }
    log('running', queue.running());
  },
  promises: async ({ promise }, log) => {
    const queue = promise<unknown, number, number>(async (value) => {
      log(`works ${value}`, queue.length());
      await Promise.resolve();
      if (value === 2) throw new RangeError('two');
      return value * 2;
    }, 1);
    const results = [1, 2, 3].map((i) =>
      queue.push(i).then(
        (value) => log(`fulfilled ${i}`, value),
        (error: unknown) => log(`rejected ${i}`, error),
      ),
    );
    results.push(queue.unshift(4).then((value) => log('fulfilled 4', value)));
    await queue.drained().then(() => log('drained'));
    await Promise.all(results);
    void queue.push(2);
    await turn();
    await turn();
  },
  'promises of others': async ({ promise }, log) => {
    const queue = promise<unknown, number, number>((value) => {
      // oxlint-disable-next-line no-thenable
      return { then: (resolve: (value: number) => void) => void setImmediate(resolve, value) } as never;
    }, 1);
    log('fulfilled', await Promise.all([queue.push(1), queue.push(2)]));
    const wrong = promise<unknown, number, number>(() => 1 as never, 1);
    try {
      await wrong.push(1);
    } catch (error) {
      log('rejected', error);
    }
  },
  'the surface': (fast, log) => {
    for (const one of [fast, fast.promise]) log('function', one);
    const queues = [fast<unknown, number>(() => {}, 1), fast.promise<unknown, number, number>(async () => 1, 1)];
    for (const queue of queues) {
      log('keys', Object.keys(queue));
      for (const value of Object.values(queue)) log('value', value);
    }
    log('made', Object.keys(Reflect.construct(fast, [() => {}, 1]) as object).length);
    for (const concurrency of [0, Number.NaN]) {
      try {
        fast(() => {}, concurrency);
      } catch (error) {
        log('thrown', error);
      }
    }
    try {
      fast(undefined as never, 1);
    } catch (error) {
      log('thrown', error);
    }
  },
};

describe('fastq', () => {
  let tracking: QueueTracking;
  let library: Library;

  beforeEach(() => {
    tracking = new QueueTracking();
    library = queueCopy<Library>('fastq', tracking.tracker);
  });

  it.each(Object.entries(SCENARIOS))('does what it did: %s', async (_, scenario) => {
    await expectTheSame(scenario, queueCopy<Library>('fastq'), library, tracking);
  });

  it('counts those that wait, those at work, and how they end', () => {
    const done: Done[] = [];
    const queue = library<unknown, number>((_, back: Done) => void done.push(back), 2);
    for (let i = 0; i < 5; i++) queue.push(i);
    expect(Object.keys(tracking.queues)).toEqual([
      expect.stringMatching(/^fastq@test\/unit\/app-thread\/instrumentation\/queues\/fastq\.test\.ts:\d+$/),
    ]);
    expect(tracking.only).toMatchObject({ kind: 'task_queue', arrivals: 5, size: 3, active: 2, threads: 2, limit: 2 });
    done.shift()?.(new Error('failed'));
    expect(tracking.only).toMatchObject({ completions: 1, errors: 1, size: 2, active: 2, waits: 3, services: 1 });
    queue.concurrency = 5;
    queue.push(5);
    expect(tracking.only).toMatchObject({ size: 0, active: 5, limit: 5 });
    for (const back of done.splice(0)) back(null);
    expect(tracking.only).toMatchObject({ arrivals: 6, completions: 6, errors: 1, waits: 6, services: 6, ...AT_REST });
  });

  it('knows which of them the worker is called for', () => {
    tracking.setThresholdMs(0);
    const order: number[] = [];
    const done: Done[] = [];
    const queue = library<unknown, number>((value, back: Done) => {
      order.push(value);
      done.push(back);
    }, 1);
    queue.push(0);
    for (const value of [1, 2]) queue.push(value);
    queue.unshift(3);
    while (done.length > 0) done.shift()?.(null);
    expect(order).toEqual([0, 3, 1, 2]);
    const submitted = tracking.drain().map(({ submittedNs }) => submittedNs);
    expect(submitted.map((ns) => submitted.toSorted((a, b) => a - b).indexOf(ns))).toEqual([0, 3, 1, 2]);
  });

  it.each(['kill', 'killAndDrain', 'abort'] as const)('%s gives up those that wait', (method) => {
    const done: Done[] = [];
    const queue = library<unknown, number>((_, back: Done) => void done.push(back), 1);
    for (let i = 0; i < 4; i++) queue.push(i);
    queue[method]();
    expect(tracking.only).toMatchObject({ arrivals: 4, aborts: 3, size: 0, active: 1, isAnyOldest: false });
    done.shift()?.(null);
    expect(tracking.only).toMatchObject({ completions: 1, ...AT_REST });
  });

  it('counts promises', async () => {
    const queue = library.promise<unknown, number, number>(async (value) => {
      await turn();
      if (value === 1) throw new Error('one');
      return value;
    }, 2);
    await Promise.allSettled([0, 1, 2, 3, 4].map((value) => queue.push(value)));
    expect(tracking.only).toMatchObject({ arrivals: 5, completions: 5, errors: 1, waits: 5, services: 5, ...AT_REST });
  });

  it('keeps its order when it is switched off and on again while they wait', () => {
    const done: Done[] = [];
    const queue = library<unknown, number>((_, back: Done) => void done.push(back), 1);
    queue.push(0);
    queue.push(1);
    tracking.switchOff('queues');
    queue.push(2);
    tracking.switchOff();
    queue.push(3);
    while (done.length > 0) done.shift()?.(null);
    expect(tracking.only).toMatchObject({ arrivals: 3, completions: 3, waits: 3, ...AT_REST });
  });

  it('forgets a queue that the program has forgotten, with what waits there', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const make = (): void => {
      const queue = library<unknown, number>(() => {}, 2);
      queue.push(0);
      queue.pause();
      queue.push(1);
    };
    make();
    expect(tracking.only).toMatchObject({ arrivals: 2, size: 1, active: 1, limit: 2 });
    await eventually('the queue is collected', () => {
      collect();
      return tracking.only.limit === 0;
    });
    expect(tracking.only).toMatchObject({ aborts: 1, ...AT_REST });
  });
});
