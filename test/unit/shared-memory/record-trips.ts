/** What the tests of records have in common: ids to say, and the way of a record through a ring. Runs in a test's process. */
import * as fc from 'fast-check';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import type { EncodedRecord, RecordHalf } from '../../../agent/shared-memory/lock-records.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';

export const NOW_NS = 1e15;
export const memory: ControlMemory = ControlMemory.create(0);

/** Never 0: that is no id. */
export const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.nat(15), { minLength: length, maxLength: length })
    .map((digits) => digits.map((digit) => digit.toString(16)).join(''))
    .filter((text) => !/^0+$/.test(text));

export interface Ids {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export const ids: fc.Arbitrary<Ids> = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  traceFlags: fc.integer({ min: 0, max: 255 }),
});
export const number: fc.Arbitrary<number> = fc.nat(0x3fffffff);
export const ns: fc.Arbitrary<number> = fc.double({ min: 1, max: 1e14, noNaN: true });

/** Offers a record to a ring, and gives back what is drained from it. */
export function through(encoded: EncodedRecord): RecordHalf[] {
  memory.clearSlot(0);
  new RingWriter(memory, 0).offerEncoded(encoded);
  const drained: RecordHalf[] = [];
  new RingReader(memory, 0).drain(
    ({ other, ...first }) => {
      drained.push(first, ...(other === undefined ? [] : [{ ...other }]));
    },
    () => NOW_NS,
  );
  return drained;
}
