/**
 * The tests that the model of a kind of lock comes to: in each of its scenes nothing is found in any interleaving, and each mistake in its words is. Runs in a
 * test's own process.
 */
import { describe, expect, test, vi } from 'vitest';
import type { LockKind } from '../../../../agent/shared-memory/lock-block.ts';
import { headline } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import { exploreLock, type LockModel, load, type Sources } from './lock-model.ts';

/** What the threads do, and what else is particular to it. */
export interface Scene {
  readonly programs: (sources: Sources) => Readonly<Record<string, () => void>>;
  readonly model?: Partial<LockModel>;
}

export interface LockSuite<S extends Scene> {
  readonly kind: LockKind;
  /** The file of the words, in which mistakes are made. */
  readonly file: Change['file'];
  /** The number of the block. */
  readonly numberA?: (scene: S) => number;
  /** What must be true of every state, and at the end; a scene may have other rules. */
  readonly rules: (sources: Sources, scene: S) => Partial<LockModel>;
  /** The invariants that a scene is a test of, and what it is. */
  readonly scenes: readonly (readonly [invariants: string, what: string, scene: S])[];
  /** What is found where `from`, which the file has once, is `to`. */
  readonly mistakes: readonly (readonly [mistake: string, found: string, scene: S, from: string, to: string])[];
}

export function testLock<S extends Scene>({ kind, file, numberA, rules, scenes, mistakes }: LockSuite<S>): void {
  /* Some tens of thousands of states take seconds on a busy machine. */
  vi.setConfig({ testTimeout: 60_000 });

  const find = async (scene: S, changes: readonly Change[] = []): Promise<string> => {
    const sources = await load(changes);
    const model = { ...rules(sources, scene), ...scene.model, threads: scene.programs(sources) };
    return headline(exploreLock(sources, kind, model, numberA?.(scene)));
  };

  describe('in every interleaving', () => {
    test.each(scenes)('%s: %s', async (_invariants, _what, scene) => {
      expect(await find(scene)).toBe('nothing');
    });
  });

  describe('a mistake is found', () => {
    test.each(mistakes)('%s', async (_mistake, found, scene, from, to) => {
      expect(await find(scene, [{ file, from, to }])).toContain(found);
    });
  });
}
