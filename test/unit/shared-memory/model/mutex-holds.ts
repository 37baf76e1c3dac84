/** A test of a model of the mutex, and one of each mistake that the model must find. */
import { expect, test } from 'vitest';
import { headline } from '../../../support/explore.ts';
import type { SyncChange } from '../../../support/sync-variant.ts';
import { exploreMutex, load, type MutexModel, type Sources } from './mutex-model.ts';

export type Mistake = readonly [what: string, found: string, changes: SyncChange | readonly SyncChange[]];

/** Explores a model of the sources as they are, and with each mistake. */
export function holds(
  title: string,
  model: (sources: Sources) => MutexModel,
  base: readonly SyncChange[],
  mistakes: readonly Mistake[],
): void {
  const explored = async (changes: readonly SyncChange[]): Promise<string> => {
    const sources = await load([...base, ...changes]);
    return headline(exploreMutex(sources, model(sources)));
  };
  test.each([title])('%s', async () => {
    expect(await explored([])).toBe('nothing');
  });
  if (mistakes.length === 0) return;
  test.each(mistakes)('a mistake is found: %s', async (_, found, changes) => {
    expect(await explored([changes].flat())).toContain(found);
  });
}
