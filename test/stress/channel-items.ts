/**
 * The items of the stress tests of channels: each says which sender sent it and as its how many-th, in one of the ways in which an item can lie in a
 * channel. Runs on every thread of such a test.
 */

/** So many items of one sender can be told apart. */
export const ITEMS_PER_SENDER: number = 1 << 16;

export type StressItem = number | string | Uint8Array | { readonly id: number; readonly text: string };

export function stressItem(id: number): StressItem {
  switch (id % 5) {
    case 0:
      return `${id} ${'abc'.repeat(id % 30)}`;
    case 1:
      return `${id} ${'ä€\ud800'.repeat(id % 20)}`;
    case 2: {
      const bytes = new Uint8Array(4 + (id % 97)).fill(id & 0xff);
      new DataView(bytes.buffer).setInt32(0, id);
      return bytes;
    }
    case 3:
      return id % 50 === 3 ? { id, text: 'x'.repeat(id % 100) } : id;
    default:
      return id;
  }
}

/** The id of an item that arrived whole; undefined of any other. */
export function stressId(item: unknown): number | undefined {
  const id = idOf(item);
  return id !== undefined && isSame(item, stressItem(id)) ? id : undefined;
}

function idOf(item: unknown): number | undefined {
  if (typeof item === 'number') return item;
  if (typeof item === 'string') return Number.parseInt(item, 10);
  if (item instanceof Uint8Array) return new DataView(item.buffer, item.byteOffset).getInt32(0);
  return (item as { id?: number } | undefined)?.id;
}

function isSame(item: unknown, expected: StressItem): boolean {
  if (item instanceof Uint8Array) return expected instanceof Uint8Array && Buffer.compare(item, expected) === 0;
  return typeof item === 'object' ? JSON.stringify(item) === JSON.stringify(expected) : item === expected;
}
