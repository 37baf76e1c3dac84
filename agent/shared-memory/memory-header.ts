/**
 * The first three words of every shared memory of the agent: what it is, of which layout, and how large. Who attaches to a buffer looks there first, because a program
 * may hand over any other.
 *
 * Runs on every thread.
 *
 *     0  magic; stored last      4  version of the layout      8  bytes
 */
const HEADER = { MAGIC: 0, VERSION: 4, TOTAL_BYTES: 8 } as const;

export interface MemoryKind {
  readonly magic: number;
  /** Grows when a word changes its place or its meaning. */
  readonly version: number;
  readonly bytes: number;
}

/** To be called once all other words have what they begin with. */
export function mark(i32: Int32Array, { magic, version, bytes }: MemoryKind): void {
  i32[HEADER.TOTAL_BYTES >> 2] = bytes;
  i32[HEADER.VERSION >> 2] = version;
  i32[HEADER.MAGIC >> 2] = magic;
}

/** Whether another thread has allocated and marked this as such a memory. */
export function isMarked(buffer: unknown, { magic, version, bytes }: MemoryKind): buffer is SharedArrayBuffer {
  if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength !== bytes) return false;
  const [foundMagic, foundVersion, foundBytes] = new Int32Array(buffer, 0, 3);
  return foundMagic === magic && foundVersion === version && foundBytes === bytes;
}
