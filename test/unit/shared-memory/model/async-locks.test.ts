/**
 * The async lock table under every interleaving of its thread and the agent thread, with stores that are visible at once and with stores that are late.
 * What runs is `async-locks.ts` itself; each broken variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import type { AsyncLock } from '../../../../agent/shared-memory/async-locks.ts';
import { explore, host, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const FILE = 'shared-memory/async-locks.ts';
const LAYOUT = 'shared-memory/layout.ts';
const REGISTRY = 'shared-memory/registry.ts';
/** An attempt remembers nothing of the one before, and may begin at any time: one stands for all. */
const ONE_ATTEMPT: Change = { file: FILE, from: /READ_ATTEMPTS = \d+/, to: 'READ_ATTEMPTS = 1' };
/** Two entries are enough for one to be reused and one to be the end. */
const SMALL: Change = { file: LAYOUT, from: /ASYNC_LOCKS = \d+/, to: 'ASYNC_LOCKS = 2' };
/** As many as the model needs for a store to overtake another. */
const LATE_STORES = 3;

const BASE = {
  parentActivity: 0,
  kind: 'promise',
  mode: 'exclusive',
  isCertain: true,
  siteNumber: 0,
  stackNumber: 0,
  instanceNumber: 0,
} as const;
const hex = (digit: string): { traceId: string; spanId: string; traceFlags: number } => ({
  traceId: digit.repeat(32),
  spanId: digit.repeat(16),
  traceFlags: 1,
});
/** What stands in the entry one after the other: each word differs from that of the other. */
const WAITING: AsyncLock = {
  ...BASE,
  state: 1,
  activity: 1,
  lockId: -1,
  sinceNs: 10,
  classNumber: 1,
  context: undefined,
};
const HELD: AsyncLock = { ...BASE, state: 2, activity: 2, lockId: -2, sinceNs: 20, classNumber: 2, context: hex('2') };

const textOf = ({ state, activity, lockId, sinceNs, classNumber, context }: AsyncLock): string =>
  [state, activity, lockId, sinceNs, classNumber, context?.traceId, context?.spanId].join(' ');
const ENTRIES = [WAITING, HELD].map(textOf);

interface Programs {
  readonly writer: () => void;
  readonly reader: () => void;
  readonly lateReader: () => void;
  /** Everything that was read in any of the interleavings; `none` for an entry that is free, or not read. */
  readonly seen: Set<string>;
}

async function programs(changes: readonly Change[] = []): Promise<Programs> {
  const [layout, , asyncLocks] = await loadVariant([LAYOUT, REGISTRY, FILE], [ONE_ATTEMPT, SMALL, ...changes]);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const seen = new Set<string>();
  const writer = (): void => {
    const table = new asyncLocks.AsyncLockTable(memory, 0);
    const entry = table.open(WAITING);
    table.write(entry, HELD);
    table.close(entry);
  };
  const reader = (): void => {
    const [lock, ...others] = asyncLocks.readAsyncLocks(memory, 0);
    if (others.length > 0) throw new Violation('an entry that was never opened');
    const text = lock === undefined ? 'none' : textOf(lock);
    seen.add(text);
    if (lock !== undefined && !ENTRIES.includes(text)) throw new Violation(`A1: no entry was ever: ${text}`);
  };
  const lateReader = (): void => {
    host.untilGone('writer');
    reader();
  };
  return { writer, reader, lateReader, seen };
}

const change = (from: string, to: string): Change => ({ file: FILE, from, to });

describe('an entry of the async lock table, in every interleaving', () => {
  test('A1: what is read is one entry, whole, or none; and each of them can be read', async () => {
    const { writer, reader, seen } = await programs();
    expect(explore({ threads: { writer, reader } }).violation).toBeUndefined();
    expect([...seen].toSorted()).toEqual([...ENTRIES, 'none'].toSorted());
  });

  test('A1: the same where stores become visible late', async () => {
    const { writer, reader, seen } = await programs();
    expect(explore({ threads: { writer, reader }, maxPendingStores: LATE_STORES }).violation).toBeUndefined();
    expect(seen.size).toBe(ENTRIES.length + 1);
  });

  test('A1: a thread that dies at any step leaves an entry that is whole, or not read', async () => {
    const { writer, lateReader, seen } = await programs();
    expect(explore({ threads: { writer, lateReader }, mayDie: ['writer'] }).violation).toBeUndefined();
    expect([...seen].toSorted()).toEqual([...ENTRIES, 'none'].toSorted());
  });

  test.each<[mistake: string, change: Change]>([
    ['the reader does not look at the sequence again', change('if (Atomics.load(i32, at) !== sequence) continue;', '')],
    ['the reader believes an odd sequence', change('if ((sequence & 1) !== 0) continue;', '')],
    [
      'the sequence is even while the entry is written',
      change(
        'Atomics.store(i32, at, sequence | 1);\n    Atomics.store(i32, at + 1, lock.state);',
        'Atomics.store(i32, at + 1, lock.state);',
      ),
    ],
  ])('A1: a mistake is found: %s', async (_, mistake) => {
    const { writer, reader } = await programs([mistake]);
    expect(explore({ threads: { writer, reader } }).violation).toContain('A1');
  });

  test('A1: a plain store of a payload is a mistake where stores become visible late, and only there', async () => {
    const plain = change('Atomics.store(i32, at + 2, lock.activity);', 'i32[at + 2] = lock.activity;');
    const { writer, reader } = await programs([plain]);
    expect(explore({ threads: { writer, reader } }).violation).toBeUndefined();
    expect(explore({ threads: { writer, reader }, maxPendingStores: LATE_STORES }).violation).toContain('A1');
  });
});
