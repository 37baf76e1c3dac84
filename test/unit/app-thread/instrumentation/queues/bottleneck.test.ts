/** bottleneck does what it did, to the microtask; and what goes through its limiters is counted, also what is dropped, refused, timed out or tried again. */
import type Bottleneck from 'bottleneck';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../support/eventually.ts';
import { expectTheSame, queueCopy, type Scenario } from '../../../../support/queue-copies.ts';
import { AT_REST, QueueTracking } from '../../../../support/queue-tracking.ts';

type Library = typeof Bottleneck;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const OFTEN = { intervalMs: 1 };

const STRATEGIES = ['LEAK', 'OVERFLOW', 'BLOCK'] as const;
const DROPS = { LEAK: 2, OVERFLOW: 2, BLOCK: 3 } as const;

/** Three jobs want the one place behind a job that runs until all is dropped that is going to be. */
function crowd(
  Limiter: Library,
  strategy: (typeof STRATEGIES)[number],
  log: (what: string, value?: unknown) => void = () => {},
): { limiter: Bottleneck; isOver: Promise<unknown> } {
  const limiter = new Limiter({
    maxConcurrent: 1,
    highWater: 1,
    strategy: Limiter.strategy[strategy],
    penalty: 10_000,
  });
  const isFull = new Promise<void>((resolve) => {
    let drops = 0;
    limiter.on('dropped', ({ args }: { args: unknown }) => {
      log('dropped', args);
      if (++drops === DROPS[strategy]) resolve();
    });
  });
  const run = async (value: number): Promise<number> => {
    await isFull;
    return value;
  };
  const results = [1, 2, 3, 4].map((i) =>
    limiter.schedule(run, i).then(
      (value) => log('fulfilled', value),
      (error: unknown) => log(`rejected ${i}`, error),
    ),
  );
  return { limiter, isOver: Promise.all(results) };
}

const SCENARIOS: Record<string, Scenario<Library>> = {
  'in order, by priority': async (Limiter, log) => {
    const limiter = new Limiter({ maxConcurrent: 2 });
    for (const event of ['received', 'queued', 'scheduled', 'executing', 'done', 'idle', 'empty'])
      limiter.on(event as 'idle', () => log(event));
    const isIdle = new Promise<void>((resolve) => limiter.on('idle', resolve));
    await limiter.schedule(async () => log('runs'));
    await isIdle;
    limiter.removeAllListeners();
    const results = [1, 2, 3, 4].map((i) =>
      limiter.schedule(
        { priority: i, id: `job ${i}` },
        async (value: number) => {
          await turn();
          if (value === 3) throw new RangeError('three');
          return value;
        },
        i,
      ),
    );
    for (const result of await Promise.allSettled(results))
      log(result.status, result.status === 'fulfilled' ? result.value : result.reason);
    log('counts', limiter.counts());
  },
  'callbacks, and what is wrapped': async (Limiter, log) => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    await new Promise<void>((resolve) => {
      limiter.submit(
        (value: number, done: (error: Error | null, result: number) => void) => done(null, value * 2),
        2,
        (error, result) => {
          log('called back', [error, result]);
          resolve();
        },
      );
    });
    const wrapped = limiter.wrap(async (value: number) => value + 1);
    log('wrapped', await wrapped(1));
  },
  'more than may wait': async (Limiter, log) => {
    for (const strategy of STRATEGIES) {
      const { limiter, isOver } = crowd(Limiter, strategy, (what, value) => log(what, value));
      await isOver;
      log('queued', limiter.queued());
    }
  },
  'tried again, timed out, the same id': async (Limiter, log) => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    limiter.on('failed', (_, { retryCount }) => (retryCount < 1 ? 1 : null));
    let count = 0;
    await limiter.schedule(async () => {
      if (count++ === 0) throw new RangeError('again');
      return log('second time');
    });
    await limiter
      .schedule({ expiration: 5 }, () => new Promise(() => {}))
      .catch((error: unknown) => log('rejected', error));
    const both = [1, 2].map((i) => limiter.schedule({ id: 'same' }, async () => i));
    for (const result of await Promise.allSettled(both)) log(result.status);
  },
  stop: async (Limiter, log) => {
    for (const dropWaitingJobs of [true, false]) {
      const limiter = new Limiter({ maxConcurrent: 1 });
      const results = [1, 2, 3].map((i) =>
        limiter.schedule(() => turn().then(() => i)).catch((error: unknown) => log('rejected', error)),
      );
      await turn();
      await limiter.stop({ dropWaitingJobs });
      await limiter.schedule(async () => 1).catch((error: unknown) => log('rejected', error));
      log('results', await Promise.all(results));
      await limiter.stop().catch((error: unknown) => log('rejected', error));
    }
  },
  'chains and groups': async (Limiter, log) => {
    const outer = new Limiter({ maxConcurrent: 2 });
    const inner = new Limiter({ maxConcurrent: 1 }).chain(outer);
    log('chained', await Promise.all([1, 2].map((i) => inner.schedule(async () => i))));
    const group = new Limiter.Group({ maxConcurrent: 1 });
    log('group', await group.key('a').schedule(async () => 'value'));
    log('keys', group.keys());
    await group.disconnect();
  },
  'the surface': (Limiter, log) => {
    const limiter = new Limiter({ maxConcurrent: 1 });
    log('class', Limiter);
    log('keys', Object.keys(limiter));
    for (const name of Object.getOwnPropertyNames(Limiter.prototype).filter((one) => one !== '_queues'))
      log(name, Object.getOwnPropertyDescriptor(Limiter.prototype, name)?.value);
    try {
      void new Limiter('wrong' as never);
    } catch (error) {
      log('thrown', error);
    }
  },
};

describe('bottleneck', () => {
  let tracking: QueueTracking;
  let library: Library;

  beforeEach(() => {
    tracking = new QueueTracking();
    library = queueCopy<Library>('bottleneck', tracking.tracker);
  });

  it.each(Object.entries(SCENARIOS))('does what it did: %s', async (_, scenario) => {
    await expectTheSame(scenario, queueCopy<Library>('bottleneck'), library, tracking);
  });

  it('counts those that wait, those at work, and how they end', async () => {
    const limiter = new library({ maxConcurrent: 2, highWater: 10 });
    const ends: (() => void)[] = [];
    const results = Promise.allSettled(
      [0, 1, 2, 3].map((i) =>
        limiter.schedule(
          () => new Promise<void>((resolve, reject) => ends.push(i === 1 ? () => reject(new Error('one')) : resolve)),
        ),
      ),
    );
    expect(tracking.only).toMatchObject({ arrivals: 0, size: 4 });
    await eventually('two at work', () => tracking.only.arrivals >= 4 && ends.length >= 2, OFTEN);
    expect(Object.keys(tracking.queues)).toEqual([
      expect.stringMatching(/^bottleneck@test\/unit\/app-thread\/instrumentation\/queues\/bottleneck\.test\.ts:\d+$/),
    ]);
    expect(tracking.only).toMatchObject({
      kind: 'task_queue',
      arrivals: 4,
      size: 2,
      active: 2,
      limit: 2,
      capacity: 10,
    });
    const endsOne = (): boolean => {
      if (tracking.only.completions >= 4) return true;
      ends.shift()?.();
      return false;
    };
    await eventually('four completions', endsOne, OFTEN);
    await results;
    expect(tracking.only).toMatchObject({ completions: 4, errors: 1, waits: 4, services: 4, ...AT_REST });
  });

  it.each([
    ['LEAK', { arrivals: 4, rejections: 0, aborts: 2 }],
    ['OVERFLOW', { arrivals: 2, rejections: 2, aborts: 0 }],
    ['BLOCK', { arrivals: 2, rejections: 2, aborts: 1 }],
  ] as const)('tells what %s drops from what it refuses', async (strategy, counts) => {
    await crowd(library, strategy).isOver;
    expect(tracking.only).toMatchObject({ ...counts, ...AT_REST });
  });

  it('counts what is tried again as one, and what times out as aborted', async () => {
    const limiter = new library({ maxConcurrent: 1 });
    limiter.on('failed', (_, { retryCount }) => (retryCount < 1 ? 1 : null));
    let count = 0;
    await limiter.schedule(async () => {
      if (count++ === 0) throw new Error('again');
    });
    expect(tracking.only).toMatchObject({ arrivals: 1, completions: 1, errors: 0, waits: 1, services: 1 });
    await limiter.schedule({ expiration: 5 }, () => new Promise(() => {})).catch(() => {});
    expect(tracking.only).toMatchObject({ arrivals: 2, completions: 1, aborts: 1, ...AT_REST });
  });

  it('counts what a limiter that was stopped, or knows the id, refuses', async () => {
    const limiter = new library({ maxConcurrent: 1 });
    const results = [1, 2, 3].map(() => limiter.schedule({ id: 'same' }, turn));
    await Promise.allSettled(results);
    expect(tracking.only).toMatchObject({ arrivals: 1, rejections: 2, ...AT_REST });
    const waiting = [1, 2].map(() => limiter.schedule(turn).catch(() => {}));
    await limiter.stop({ dropWaitingJobs: true });
    await Promise.allSettled([...waiting, limiter.schedule(turn)]);
    const { arrivals, completions, rejections, aborts } = tracking.only;
    expect({ arrivals, rejections, over: completions + aborts }).toEqual({ arrivals: 3, rejections: 3, over: 3 });
    expect(tracking.only).toMatchObject(AT_REST);
  });
});
