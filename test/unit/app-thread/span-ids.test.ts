/** Ids of spans that were promised: no two alike, none all zero, and for no parent more than it can bear. */
import { expect, test } from 'vitest';
import { newSpanId, PromisedSpans } from '../../../agent/app-thread/span-ids.ts';

test('an id is sixteen hexadecimal digits, and nobody else’s', () => {
  const ids = Array.from({ length: 10_000 }, newSpanId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
});

test('a parent is promised fifty spans, and no more', () => {
  const promised = new PromisedSpans();
  const given = Array.from({ length: 60 }, () => promised.under('a'));
  expect(given.slice(0, 50).every((id) => id !== undefined)).toBe(true);
  expect(given.slice(50).every((id) => id === undefined)).toBe(true);
  expect(promised.under('b')).toBeDefined();
});

test('where no spans leave the process none is promised, from one moment to the next', () => {
  let isOff = false;
  const promised = new PromisedSpans(() => isOff);
  expect(promised.under('a')).toBeDefined();
  isOff = true;
  expect(promised.under('a')).toBeUndefined();
});

test('a parent that had one not long ago is remembered; of many the oldest is forgotten', () => {
  const promised = new PromisedSpans();
  for (let i = 0; i < 50; i++) promised.under('busy');
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 1000; i++) promised.under(`other-${round}-${i}`);
    expect(promised.under('busy')).toBeUndefined();
  }
  for (let i = 0; i < 1100; i++) promised.under(`later-${i}`);
  expect(promised.under('busy')).toBeDefined();
});
