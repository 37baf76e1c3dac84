/** What is measured stands for all: the count is never off by a row, and each place of a row is drawn. */
import { expect, test } from 'vitest';
import { ROW_LENGTH, RowSampler } from '../../../../agent/app-thread/sync/row-sampler.ts';

test('all of the first 64 are measured, and stand for themselves', () => {
  const sampler = new RowSampler();
  expect(Array.from({ length: 64 }, () => sampler.take())).toEqual(Array.from({ length: 64 }, () => 1));
});

test('of those after them one a row is, for its row: the count is off by less than one', () => {
  const sampler = new RowSampler();
  const places = new Set<number>();
  let counted = 0;
  for (let taken = 1; taken <= 64 + 10_000 * ROW_LENGTH; taken++) {
    const weight = sampler.take();
    counted += weight;
    expect(Math.abs(counted - taken)).toBeLessThan(ROW_LENGTH);
    if (weight === ROW_LENGTH) places.add((taken - 65) % ROW_LENGTH);
    if (taken >= 64 && (taken - 64) % ROW_LENGTH === 0) expect(counted).toBe(taken);
  }
  expect(places.size).toBe(ROW_LENGTH);
});
