/** The counter of outcomes and the seeded random numbers: what a stress test's verdict rests on. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Outcomes } from './outcomes.ts';
import { Random, runSeed } from './random.ts';

const print = vi.spyOn(console, 'log');
beforeEach(() => void print.mockImplementation(() => {}));
afterEach(() => void print.mockReset());

test('what is acceptable is counted and printed with the seed', () => {
  const outcomes = new Outcomes('rings');
  outcomes.acceptable('drained');
  outcomes.add({ acceptable: [['drained', 4]], forbidden: [] });
  outcomes.report('drained');
  expect(outcomes.count('drained')).toBe(5);
  expect(print).toHaveBeenCalledWith(`rings, seed ${runSeed}: ACCEPTABLE drained 5; FORBIDDEN 0`);
});

test('what is forbidden fails, and the first of it is told', () => {
  const outcomes = new Outcomes('rings');
  outcomes.acceptable('drained');
  outcomes.forbidden('torn', 'record 7');
  outcomes.add({ acceptable: [], forbidden: [['torn', 'record 9']] });
  expect(() => outcomes.report('drained')).toThrow(`with seed ${runSeed}: torn 2 (record 7)`);
});

test('what must occur and did not fails', () => {
  const outcomes = new Outcomes('rings');
  outcomes.acceptable('drained', 0);
  expect(() => outcomes.report('drained', 'dropped')).toThrow('drained, dropped');
});

test('a seed repeats its numbers, which lie below their limit and reach all of it', () => {
  const numbersOf = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 1000 }, () => random.below(10));
  };
  expect(numbersOf(5)).toEqual(numbersOf(5));
  expect(numbersOf(5)).not.toEqual(numbersOf(6));
  expect(new Set(numbersOf(5))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
});
