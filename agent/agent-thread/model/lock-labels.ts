/**
 * What locks are called: their classes, and the keys by which the detectors tell one from another. Texts of names in shared memory, looked up once.
 *
 * Runs on the agent thread. What it remembers is bounded; `GRIDWATCH_STACKS=off` leaves no stack for anybody to send.
 */
import type { AsyncLock } from '../../shared-memory/async-locks.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import type { LockRef } from '../../shared-memory/lock-records.ts';
import { lookUpName } from '../../shared-memory/names.ts';
import { shownLockName } from './lock-classes.ts';
import type { KnownLock, LockIndex } from './lock-index.ts';
import type { LockLabel, SceneThread } from './lock-scene-types.ts';

const MAX_TEXTS = 4096;

export class LockLabels {
  readonly #memory: ControlMemory;
  readonly #index: LockIndex;
  readonly #hasStacks: boolean;
  readonly #texts = new Map<number, string>();

  constructor(memory: ControlMemory, index: LockIndex, hasStacks: boolean) {
    this.#memory = memory;
    this.#index = index;
    this.#hasStacks = hasStacks;
  }

  /** The text of a number; '' for 0. */
  readonly text = (number: number): string => {
    if (number === 0) return '';
    let text = this.#texts.get(number);
    if (text === undefined) {
      text = lookUpName(this.#memory, number);
      if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
      this.#texts.set(number, text);
    }
    return text;
  };

  /** The text of a stack's number; '' where no stack may leave the process. */
  stack(number: number): string {
    return this.#hasStacks ? this.text(number) : '';
  }

  ofBlock({ id, identity, lockClass }: KnownLock): LockLabel {
    const { kind, name } = identity;
    const className = lockClass?.name ?? shownLockName(name, kind);
    return { key: `L${id}`, lockId: id, kind, className, instance: '' };
  }

  /** Of a lock whose block is not known any more, or that has none. */
  ofRef({ lockId, classNumber, kind }: LockRef, threadKey: string, instanceNumber = 0): LockLabel {
    const known = this.#index.of(lockId);
    if (known !== undefined) return this.ofBlock(known);
    const instance = this.text(instanceNumber);
    const className = shownLockName(this.text(classNumber), kind);
    return { key: keyOf(lockId, kind, classNumber, instance, threadKey), lockId, kind, className, instance };
  }

  ofAsync(lock: AsyncLock, thread: SceneThread): LockLabel {
    return this.ofRef(lock, thread.key, lock.instanceNumber);
  }

  /** A raw `Atomics.wait` at a site that is named in the configuration: it has no holder. */
  ofSite(siteNumber: number): LockLabel {
    const className = shownLockName(this.text(siteNumber), 'atomics');
    return { key: `A${siteNumber}`, lockId: 0, kind: 'atomics', className, instance: '' };
  }
}

function keyOf(lockId: number, kind: string, classNumber: number, instance: string, threadKey: string): string {
  if (lockId > 0) return `L${lockId}`;
  if (kind === 'web_lock') return `W${instance}`;
  return lockId === 0 ? `A${classNumber}` : `${threadKey}:${lockId}`;
}
