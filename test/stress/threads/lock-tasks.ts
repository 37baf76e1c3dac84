/**
 * What a thread of the lock stress tests does, again and again, with one lock that all of them have by name; and what it counts of it. Runs on every
 * thread of those tests.
 */
import {
  Barrier,
  Condition,
  GridwatchError,
  type Lease,
  Mutex,
  RwLock,
  Semaphore,
} from '../../../agent/app-thread/sync/index.ts';
import type { Random } from '../../support/random.ts';

export type LockedKind = 'rwlock' | 'readers' | 'semaphore' | 'condition' | 'barrier';

export const PERMITS = 3;
export const PARTIES = 4;
const CAPACITY = 4;

/** Words that the locks guard, and the gate before the threads. */
export const DATA = {
  X: 0,
  Y: 1,
  WRITES: 2,
  INSIDE: 3,
  ITEMS: 4,
  PRODUCED: 5,
  CONSUMED: 6,
  GATE: 7,
  READS: 8,
  CAME: 16,
} as const;
export const DATA_BYTES = 4096;

export interface Tally {
  acceptable(outcome: string): void;
  forbidden(outcome: string, first: string): void;
}

export interface TaskScene {
  readonly data: Int32Array;
  readonly random: Random;
  readonly tally: Tally;
  /** The thread's number among those of the test. */
  readonly index: number;
  /** Threads may be terminated at any moment: what they have counted in words may be wrong. */
  readonly isMortal: boolean;
}

/** One turn; what it gives back, if anything, is to be awaited. */
export type Task = () => void | Promise<void>;

const codeOf = (error: unknown): string => (error instanceof GridwatchError ? error.code : String(error));

/** Counts a wait that was given up as it may be; any other failure is none that may be. */
function failed({ tally }: TaskScene, error: unknown): void {
  if (codeOf(error) === 'ERR_GRIDWATCH_LOCK_TIMEOUT') tally.acceptable('gave up');
  else tally.forbidden('failed', codeOf(error));
}

const timeoutOf = (random: Random): { readonly timeoutMs: number } | undefined => {
  const kind = random.below(20);
  return kind < 8 ? { timeoutMs: kind & 1 } : undefined;
};

function rwLockTask(scene: TaskScene): Task {
  const { data, random, tally } = scene;
  const lock = new RwLock('stress rwlock');
  const read = ({ abandoned }: Lease): void => {
    const x = Atomics.load(data, DATA.X);
    random.pause();
    const y = Atomics.load(data, DATA.Y);
    if (x === y) tally.acceptable('read');
    else if (abandoned) tally.acceptable('read what a dead writer left');
    else tally.forbidden('torn read', `${x} ${y}`);
    if (Atomics.load(data, DATA.X) !== x) tally.forbidden('a writer beside a reader', `${x}`);
  };
  const write = ({ abandoned }: Lease): void => {
    const x = Atomics.load(data, DATA.X);
    if (x !== Atomics.load(data, DATA.Y) && !abandoned) tally.forbidden('torn, and the writer was not told', `${x}`);
    Atomics.store(data, DATA.X, x + 1);
    random.pause();
    if (Atomics.load(data, DATA.X) !== x + 1) tally.forbidden('two writers', `${x}`);
    Atomics.store(data, DATA.Y, x + 1);
    if (!scene.isMortal) Atomics.add(data, DATA.WRITES, 1);
    tally.acceptable(abandoned ? 'wrote after a dead writer' : 'wrote');
  };
  const nested = (lease: Lease): void => {
    read(lease);
    lock.withRead(read);
  };
  /* Whoever takes the lock as a writer is the only one who is told of a dead one, and has to make good what that has left. */
  const tryToWrite = (): void => {
    const lease = lock.tryAcquireWrite();
    if (lease === undefined) return;
    if (lease.abandoned) write(lease);
    lease.release();
  };
  return async () => {
    const kind = random.below(12);
    const options = timeoutOf(random);
    try {
      if (kind < 2) lock.withWrite(write, options);
      else if (kind < 7) lock.withRead(read, options);
      else if (kind < 8) lock.withRead(nested, options);
      else if (kind < 9) lock.tryAcquireRead()?.release();
      else if (kind < 10) tryToWrite();
      else if (kind < 11) await lock.withReadAsync(read, options);
      else await lock.withWriteAsync(write, options);
    } catch (error) {
      failed(scene, error);
    }
  };
}

/** Reads so long and so often that, with others of its kind, there is nearly always somebody in. */
function readersTask({ data, random }: TaskScene): Task {
  const lock = new RwLock('stress readers');
  return () => {
    lock.withRead(() => {
      for (let left = 20_000 + random.below(20_000); left > 0; left--) random.next();
    });
    Atomics.add(data, DATA.READS, 1);
  };
}

function semaphoreTask(scene: TaskScene): Task {
  const { data, random, tally } = scene;
  const semaphore = new Semaphore('stress semaphore', { permits: PERMITS });
  const hold = ({ abandoned }: Lease): void => {
    const inside = Atomics.add(data, DATA.INSIDE, 1) + 1;
    if (inside > PERMITS && !scene.isMortal) tally.forbidden('more than there are permits', String(inside));
    random.pause();
    /* Now and then so long that others have to wait. */
    if (random.below(100) === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    Atomics.sub(data, DATA.INSIDE, 1);
    tally.acceptable(abandoned ? 'acquired after a dead thread' : 'acquired');
  };
  const holdTwo = (lease: Lease): void => {
    hold(lease);
    const second = semaphore.tryAcquire();
    if (second === undefined) return;
    tally.acceptable('a second one');
    second.release();
  };
  return async () => {
    const kind = random.below(10);
    const options = timeoutOf(random);
    try {
      if (kind < 7) semaphore.withLock(hold, options);
      else if (kind < 8) semaphore.withLock(holdTwo, options);
      else await semaphore.withLockAsync(hold, options);
    } catch (error) {
      failed(scene, error);
    }
  };
}

/** A bounded queue: threads with even numbers produce, the others consume. One of four waits asynchronously. */
function conditionTask(scene: TaskScene): Task {
  const { data, random, tally, index } = scene;
  const mutex = new Mutex('stress queue');
  const notEmpty = new Condition('stress not empty');
  const notFull = new Condition('stress not full');
  const isProducer = index % 2 === 0;
  const [wanted, changed] = isProducer ? [notFull, notEmpty] : [notEmpty, notFull];
  const cannot = (): boolean => {
    const items = Atomics.load(data, DATA.ITEMS);
    if (items < 0 || items > CAPACITY) tally.forbidden('items', String(items));
    return items === (isProducer ? CAPACITY : 0);
  };
  const step = (): void => {
    Atomics.add(data, DATA.ITEMS, isProducer ? 1 : -1);
    Atomics.add(data, isProducer ? DATA.PRODUCED : DATA.CONSUMED, 1);
    if (random.below(8) === 0) changed.notifyAll();
    else changed.notifyOne();
    tally.acceptable(isProducer ? 'produced' : 'consumed');
  };
  const options = (): { readonly timeoutMs: number } | undefined =>
    random.below(10) === 0 ? { timeoutMs: random.below(2) } : undefined;
  const blocking = (): void => {
    using _lease = mutex.acquire();
    while (cannot()) {
      try {
        wanted.wait(mutex, options());
        tally.acceptable('notified');
      } catch (error) {
        failed(scene, error);
      }
    }
    step();
  };
  const asynchronous = async (): Promise<void> => {
    using _lease = await mutex.acquireAsync();
    while (cannot()) {
      try {
        await wanted.waitAsync(mutex, options());
        tally.acceptable('notified, asynchronously');
      } catch (error) {
        failed(scene, error);
      }
    }
    step();
  };
  return index % 4 === 3 ? asynchronous : blocking;
}

/** Rounds of four parties. One of four waits asynchronously. A round that is broken is followed by a new one. */
function barrierTask(scene: TaskScene): Task {
  const { data, random, tally, index } = scene;
  const barrier = new Barrier('stress barrier', { parties: PARTIES });
  let round = 0;
  const passed = (place: number): void => {
    if (place < 0 || place >= PARTIES) tally.forbidden('place', String(place));
    round++;
    for (let other = 0; other < PARTIES && !scene.isMortal; other++) {
      const came = Atomics.load(data, DATA.CAME + other * 16);
      if (came < round || came > round + 1) tally.forbidden('parted', `${came} after ${round}`);
    }
    tally.acceptable('passed');
  };
  return async () => {
    random.pause();
    Atomics.add(data, DATA.CAME + index * 16, 1);
    try {
      passed(index % 4 === 3 ? await barrier.waitAsync() : barrier.wait());
    } catch (error) {
      if (codeOf(error) !== 'ERR_GRIDWATCH_BARRIER_BROKEN' || !scene.isMortal) failed(scene, error);
      else tally.acceptable('broken');
      if (barrier.isBroken) barrier.reset();
    }
  };
}

const TASKS = {
  rwlock: rwLockTask,
  readers: readersTask,
  semaphore: semaphoreTask,
  condition: conditionTask,
  barrier: barrierTask,
} as const;

export function taskOf(kind: LockedKind, scene: TaskScene): Task {
  return TASKS[kind](scene);
}
