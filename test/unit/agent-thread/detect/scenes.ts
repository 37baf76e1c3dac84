/**
 * Lock scenes as literals: `program.hold('a', 't1').wait('t1', 'b')`. Used by the unit tests of the detectors; runs in the test's process.
 * A party is written as a thread, `t1`, or as an activity of one, `t1/7`.
 */
import type {
  LockScene,
  SceneHold,
  SceneLock,
  SceneLockCounts,
  SceneParty,
  SceneThread,
  SceneWait,
} from '../../../../agent/agent-thread/model/lock-scene-types.ts';
import type { LockMode } from '../../../../agent/shared-memory/async-locks.ts';
import type { LockKind } from '../../../../agent/shared-memory/lock-block.ts';
import type { TraceIds } from '../../../../agent/shared-memory/registry.ts';

interface MutableLock extends SceneLock {
  holds: SceneHold[];
}

export interface LockOptions {
  readonly kind?: LockKind;
  readonly capacity?: number;
  readonly className?: string;
  readonly lockId?: number;
  readonly counts?: Partial<SceneLockCounts>;
}

export interface WaitOptions {
  readonly mode?: LockMode;
  readonly sinceNs?: number;
  readonly number?: number;
  readonly isTimed?: boolean;
  readonly site?: string;
  readonly stack?: string;
  readonly context?: TraceIds;
}

const NO_COUNTS: SceneLockCounts = {
  acquisitions: 0,
  contentions: 0,
  abandonments: 0,
  unheard: 0,
  holds: 0,
  holdNs: 0,
};

export function threadNamed(name: string, more: Partial<SceneThread> = {}): SceneThread {
  const threadId = Number(name.replace(/\D/g, '')) || 0;
  return {
    key: name,
    threadId,
    name,
    osThreadId: 100,
    turns: undefined,
    lockThread: threadId,
    lockGeneration: 1,
    ...more,
  };
}

export class Program {
  readonly #threads = new Map<string, SceneThread>();
  readonly #activities = new Map<string, SceneParty>();
  readonly #locks = new Map<string, MutableLock>();
  readonly waits: SceneWait[] = [];

  thread(name: string, more: Partial<SceneThread> = {}): this {
    this.#threads.set(name, threadNamed(name, more));
    return this;
  }

  activity(key: string, { parent = 0, isCertain = true }: { parent?: number; isCertain?: boolean } = {}): this {
    const [name = '', number] = key.split('/');
    if (!this.#threads.has(name)) this.thread(name);
    const thread = this.#threads.get(name) as SceneThread;
    this.#activities.set(key, { key, thread, activity: Number(number), parentActivity: parent, isCertain });
    return this;
  }

  lock(name: string, { kind = 'mutex', capacity = 1, className = name, lockId = 1, counts }: LockOptions = {}): this {
    const held = this.#locks.get(name)?.holds ?? [];
    const all = counts === undefined ? undefined : { ...NO_COUNTS, ...counts };
    this.#locks.set(name, { key: name, lockId, kind, className, instance: '', holds: held, capacity, counts: all });
    return this;
  }

  hold(lock: string, party: string, { mode = 'exclusive', ...more }: Partial<SceneHold> = {}): this {
    if (!this.#locks.has(lock)) this.lock(lock);
    const hold = { party: this.#party(party), mode, sinceNs: undefined, site: '', stack: '', context: undefined };
    this.#locks.get(lock)?.holds.push({ ...hold, ...more });
    return this;
  }

  wait(party: string, lock: string, options: WaitOptions = {}): this {
    if (!this.#locks.has(lock)) this.lock(lock);
    this.waits.push({
      party: this.#party(party),
      lock: this.#locks.get(lock) as SceneLock,
      mode: 'exclusive',
      sinceNs: 0,
      number: 1,
      isBlocking: !party.includes('/'),
      isTimed: false,
      site: '',
      stack: '',
      context: undefined,
      ...options,
    });
    return this;
  }

  #party(key: string): SceneParty {
    if (key.includes('/')) {
      if (!this.#activities.has(key)) this.activity(key);
      return this.#activities.get(key) as SceneParty;
    }
    if (!this.#threads.has(key)) this.thread(key);
    const thread = this.#threads.get(key) as SceneThread;
    return { key, thread, activity: 0, parentActivity: 0, isCertain: true };
  }

  scene(nowNs = 0): LockScene {
    return { nowNs, waits: [...this.waits], locks: new Map(this.#locks), activities: new Map(this.#activities) };
  }
}
