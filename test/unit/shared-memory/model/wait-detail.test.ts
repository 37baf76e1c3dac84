/**
 * The detail of waits under every interleaving of the waiting thread and the agent thread. What runs is `wait-detail.ts` itself; each broken variant shows a
 * part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import { explore, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type Change, loadVariant } from '../../../support/variant.ts';

const FILE = 'shared-memory/wait-detail.ts';
/** As many as the model needs for a store to overtake another. */
const LATE_STORES = 3;

async function programs(changes: readonly Change[] = []): Promise<{
  writer: () => void;
  reader: () => void;
  seen: Set<string>;
}> {
  const [layout, waitDetail] = await loadVariant(['shared-memory/layout.ts', FILE], changes);
  const memory = modelControlMemory(layout.ControlMemory.prototype);
  const seen = new Set<string>();
  const context = { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 };
  const writer = (): void => {
    waitDetail.writeWaitDetail(memory, 0, 1, { siteNumber: 11, stackNumber: 12, context, heldIds: [13] });
    waitDetail.writeWaitDetail(memory, 0, 2, { siteNumber: 21, stackNumber: 22, context: undefined, heldIds: [] });
  };
  const EXPECTED: Readonly<Record<number, string>> = { 1: `11 12 ${context.traceId} 13`, 2: '21 22  ' };
  const reader = (): void => {
    for (const waits of [1, 2]) {
      const detail = waitDetail.readWaitDetail(memory, 0, waits);
      if (detail === undefined) continue;
      const { siteNumber, stackNumber, context: found, heldIds } = detail;
      const text = `${siteNumber} ${stackNumber} ${found?.traceId ?? ''} ${heldIds.join()}`;
      seen.add(text);
      if (text !== EXPECTED[waits]) throw new Violation(`D1: wait ${waits}: ${text}`);
    }
  };
  return { writer, reader, seen };
}

const change = (from: string, to: string): Change => ({ file: FILE, from, to });

describe('the detail of a wait, in every interleaving', () => {
  test('D1: what is read is that of the wait that was asked for, whole', async () => {
    const { writer, reader, seen } = await programs();
    expect(explore({ threads: { writer, reader } }).violation).toBeUndefined();
    expect(seen.size).toBe(2);
  });

  test('D1: the same where stores become visible late', async () => {
    const { writer, reader } = await programs();
    expect(explore({ threads: { writer, reader }, maxPendingStores: LATE_STORES }).violation).toBeUndefined();
  });

  test.each<[mistake: string, from: string, to: string]>([
    ['the number of the wait before stands there meanwhile', 'Atomics.store(i32, at, 0);', ''],
    ['the number is stored first', 'Atomics.store(i32, at, 0);', 'Atomics.store(i32, at, waits | 0);'],
    [
      'the reader does not look at the number again',
      'return Atomics.load(i32, at) === (waits | 0) ? { siteNumber, stackNumber, context, heldIds } : undefined;',
      'return { siteNumber, stackNumber, context, heldIds };',
    ],
  ])('D1: a mistake is found: %s', async (_, from, to) => {
    const { writer, reader } = await programs([change(from, to)]);
    expect(explore({ threads: { writer, reader } }).violation).toContain('D1');
  });

  test('D1: a plain store is a mistake where stores become visible late, and only there', async () => {
    const plain = change('Atomics.store(i32, at + 1, detail.siteNumber);', 'i32[at + 1] = detail.siteNumber;');
    const { writer, reader } = await programs([plain]);
    expect(explore({ threads: { writer, reader } }).violation).toBeUndefined();
    expect(explore({ threads: { writer, reader }, maxPendingStores: LATE_STORES }).violation).toContain('D1');
  });
});
