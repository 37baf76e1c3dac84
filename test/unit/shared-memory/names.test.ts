/** Interned names against a plain map, at the limits of their table, and scribbled on. Their races are in `model/`. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ControlMemory, HEADER, NAME_BYTES, NAME_INDEX_ENTRIES } from '../../../agent/shared-memory/layout.ts';
import { internName, lookUpName } from '../../../agent/shared-memory/names.ts';

const MAX_TEXT_BYTES = 1024;
/** More of the longest texts than there is room for, and far fewer than the index has entries. */
const TEXTS = 5000;
let memory = ControlMemory.create(0);
const usedBytes = (): number => memory.i32[HEADER.NAMES_USED >> 2] as number;
const dropped = (): number => memory.i32[HEADER.NAMES_DROPPED >> 2] as number;

beforeEach(() => {
  memory = ControlMemory.create(0);
});

test('N1, N2: each text has one number, never 0, and each number gives its text', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 200 }), (texts) => {
      const numbers = new Map<string, number>();
      for (const text of texts) {
        const number = internName(memory, text);
        expect(number).toBeGreaterThan(0);
        if (numbers.has(text)) expect(number).toBe(numbers.get(text));
        numbers.set(text, number);
      }
      expect(new Set(numbers.values()).size).toBe(numbers.size);
      for (const [text, number] of numbers) expect(lookUpName(memory, number)).toBe(text);
    }),
    { numRuns: 50 },
  );
  expect(dropped()).toBe(0);
});

test('a second attachment of the buffer sees the same names', () => {
  const number = internName(memory, 'app.js:10');
  const other = ControlMemory.attach(memory.buffer);
  if (other === undefined) expect.unreachable('not attached');
  expect(internName(other, 'app.js:10')).toBe(number);
  expect(lookUpName(other, number)).toBe('app.js:10');
});

describe('limits', () => {
  test('a text that is too long keeps its beginning, and one number', () => {
    const long = 'x'.repeat(MAX_TEXT_BYTES + 50);
    const number = internName(memory, long);
    expect(lookUpName(memory, number)).toBe('x'.repeat(MAX_TEXT_BYTES));
    expect(internName(memory, `${long}y`)).toBe(number);
  });

  test('a full area of names: the unknown name, counted, and what is in there stays', () => {
    const texts = Array.from({ length: TEXTS }, (_, i) => `${i}:`.padEnd(MAX_TEXT_BYTES, '.'));
    const numbers = texts.map((text) => internName(memory, text));
    const room = Math.floor(NAME_BYTES / (MAX_TEXT_BYTES + 4));
    expect(numbers.filter((number) => number > 0)).toHaveLength(room);
    expect(dropped()).toBe(TEXTS - room);
    expect(usedBytes()).toBeLessThanOrEqual(NAME_BYTES);
    expect(texts.map((text) => internName(memory, text))).toEqual(numbers);
    expect(texts.slice(0, 5).map((text, i) => lookUpName(memory, numbers[i] as number) === text)).not.toContain(false);
  });

  test('a full index: the unknown name, counted', () => {
    memory.i32.fill(1, memory.nameIndexAt >> 2, (memory.nameIndexAt >> 2) + NAME_INDEX_ENTRIES);
    expect(internName(memory, 'somewhere')).toBe(0);
    expect(dropped()).toBe(1);
    expect(usedBytes()).toBe(0);
  });

  test('0 and numbers that were never given have no text', () => {
    internName(memory, 'a');
    for (const number of [0, -1, 0.5, Number.NaN, 2 ** 31, -(2 ** 31), NAME_BYTES / 4 + 1]) {
      expect(lookUpName(memory, number)).toBe('');
    }
  });
});

test('scribbled on: nothing throws, no text is longer than a text can be', () => {
  const word = fc.record({
    part: fc.nat({ max: 2 }),
    at: fc.nat({ max: 400 }),
    value: fc.oneof(fc.integer(), fc.nat(600)),
  });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 80 }), fc.array(fc.string(), { maxLength: 20 }), (words, texts) => {
      for (const text of texts) internName(memory, text);
      for (const { part, at, value } of words) {
        const starts = [memory.nameIndexAt >> 2, memory.namesAt >> 2, HEADER.NAMES_USED >> 2];
        memory.i32[(starts[part] as number) + (part === 2 ? at % 2 : at)] = value;
      }
      for (const text of texts) {
        const number = internName(memory, text);
        expect(Buffer.byteLength(lookUpName(memory, number))).toBeLessThanOrEqual(3 * MAX_TEXT_BYTES);
      }
      for (const { value } of words) lookUpName(memory, value);
    }),
    { numRuns: 500 },
  );
});
