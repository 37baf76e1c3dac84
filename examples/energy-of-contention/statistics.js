/** The reckoning behind the tables. Pure. */

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median, with the lowest and the highest. */
export function spreadOf(values) {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** Three digits, or all before the point. */
export function digits(value) {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomOf(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All of them, in an order at random (Fisher and Yates). */
export function shuffled(values, random) {
  const all = [...values];
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other], all[last]];
  }
  return all;
}

/** Below this part of what it could be the two columns are as good as one: U spreads by less than a tenth, and b0 would be noise. */
const LEAST_INDEPENDENCE = 0.01;

/**
 * The fit of `E = b0 * T + b1 * T * U` by least squares, through the origin: `idleW` is what a machine draws that does nothing, `busyW` what it draws
 * more when all of its CPUs are busy. Undefined where U was the same in all runs. `error` is the mean of |E - fit| / E.
 */
export function fitEnergy(runs) {
  let tt = 0;
  let tb = 0;
  let bb = 0;
  let et = 0;
  let eb = 0;
  for (const { seconds: t, utilization, machineJ } of runs) {
    const b = t * utilization;
    tt += t * t;
    tb += t * b;
    bb += b * b;
    et += machineJ * t;
    eb += machineJ * b;
  }
  const determinant = tt * bb - tb * tb;
  if (!(determinant > LEAST_INDEPENDENCE * tt * bb)) return undefined;
  const idleW = (et * bb - eb * tb) / determinant;
  const busyW = (eb * tt - et * tb) / determinant;
  const errors = runs.map(({ seconds, utilization, machineJ }) => {
    return Math.abs(seconds * (idleW + busyW * utilization) - machineJ) / machineJ;
  });
  return { idleW, busyW, error: errors.reduce((sum, error) => sum + error, 0) / errors.length };
}
