/** The table of watts against the medians that it was made of. */
import { describe, expect, test } from 'vitest';
import {
  FAMILY_POWER,
  type FamilyName,
  GENERIC_POWER,
  LOAD_CURVES,
} from '../../../../agent/agent-thread/energy/cpu-families.ts';
import { publishedFamilies } from './published-results.ts';

const { families, load_shape_0_to_100_step10: shapes } = publishedFamilies();
const MIN_BIG_HOSTS = 10;

test('every published family is in it, and no other', () => {
  expect(Object.keys(FAMILY_POWER).toSorted()).toEqual(Object.keys(families).toSorted());
});

test.each(Object.entries(families))(
  '%s has the medians of its big hosts where there are ten, else of all',
  (name, published) => {
    const { big_hosts: big, idle_w_per_thread: idle, max_w_per_thread: max } = published;
    const medians = big !== null && big.n >= MIN_BIG_HOSTS ? big : { idle: idle.p50, max: max.p50 };
    expect(FAMILY_POWER[name as FamilyName]).toMatchObject({ idleW: medians.idle, maxW: medians.max });
  },
);

test('the curves are the published ones', () => {
  expect(LOAD_CURVES).toEqual(shapes);
});

describe.each(Object.entries(LOAD_CURVES))('the curve %s', (_, curve) => {
  test('has eleven points from 0 to 1 and never falls', () => {
    expect([curve.length, curve[0], curve.at(-1)]).toEqual([11, 0, 1]);
    expect([...curve]).toEqual(curve.toSorted((a, b) => a - b));
  });
});

test('the generic machine draws more busy than idle', () => {
  expect(GENERIC_POWER.maxW).toBeGreaterThan(GENERIC_POWER.idleW);
});
