/** Which share of a fleet runs the agent: as large as it was asked for, however alike its instances are named, and always the same. */
import { describe, expect, it } from 'vitest';
import { isInRatio } from '../../../agent/config/ratio.ts';

const COUNT = 4000;
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** As a fleet names its instances; what differs is in the last characters, or the pid alone. */
const FLEETS: readonly (readonly [string, (at: number) => readonly [host: string, pid: number]])[] = [
  ['processes of one host', (at) => ['web-1', 1000 + at]],
  ['containers numbered in a row', (at) => [`shop-${at}`, 1]],
  [
    'pods with a random suffix',
    (at) => {
      const suffix = [1, 27, 729].map((scale) => LETTERS[Math.floor(at / scale) % LETTERS.length]).join('');
      return [`shop-6d4cf56db6-x${suffix}2`, 1];
    },
  ],
  ['hosts named by address', (at) => [`ip-10-0-${at >> 8}-${at & 255}.eu-west-1.compute.internal`, 17]],
];

function countIn(ratio: number, instance: (at: number) => readonly [string, number]): number {
  let count = 0;
  for (let at = 0; at < COUNT; at++) if (isInRatio(ratio, ...instance(at))) count++;
  return count;
}

describe.each(FLEETS)('of %s', (_, instance) => {
  it.each([0.01, 0.1, 0.25, 0.5, 0.9])('a share of %d is that large', (ratio) => {
    /* Five standard deviations of a binomial distribution. */
    const tolerance = 5 * Math.sqrt(COUNT * ratio * (1 - ratio));
    expect(Math.abs(countIn(ratio, instance) - COUNT * ratio)).toBeLessThan(tolerance);
  });

  it('none is in at 0, and all at 1', () => {
    expect(countIn(0, instance)).toBe(0);
    expect(countIn(1, instance)).toBe(COUNT);
  });

  it('every tenth of them has its share: no run of neighbours is in or out together', () => {
    const tenth = COUNT / 10;
    for (let first = 0; first < COUNT; first += tenth) {
      let count = 0;
      for (let at = first; at < first + tenth; at++) if (isInRatio(0.5, ...instance(at))) count++;
      expect(Math.abs(count - tenth / 2)).toBeLessThan(5 * Math.sqrt(tenth / 4));
    }
  });

  it('who is in at some share is in at every greater one, and always gets the same answer', () => {
    for (let at = 0; at < COUNT; at += 7) {
      const answers = [0.05, 0.2, 0.4, 0.8, 1].map((ratio) => isInRatio(ratio, ...instance(at)));
      expect(answers).toEqual(answers.toSorted((a, b) => Number(a) - Number(b)));
      expect(isInRatio(0.4, ...instance(at))).toBe(answers[2]);
    }
  });
});
