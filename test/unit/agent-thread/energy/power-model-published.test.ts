/**
 * The power model against published SPECpower_ssj2008 results; prints the mean absolute percentage errors (MAPE) that it asserts.
 *
 * What is kept aside. The numbers of cpu-families.ts come from all published results, those of load-curves.csv and idle-and-max.csv among them. So each figure is taken twice:
 * of the numbers as they are, and "left out": for each result its curve is the mean of the other results of its group here, its watts are the medians of the other results of
 * its family here, by the rules of cpu-families.ts, and it has no part in either; another result of the same server may have. later-load-curves.csv is of results that
 * no curve has seen.
 *
 * A curve's error is over the eleven published levels, with the machine's own watts at idle and 100 %; the absolute error is over the same levels, with nothing of the machine but
 * its CPU and their number.
 */
import { afterAll, describe, expect, test } from 'vitest';
import {
  type CurveName,
  FAMILY_POWER,
  type FamilyName,
  LOAD_CURVES,
  type LoadCurve,
} from '../../../../agent/agent-thread/energy/cpu-families.ts';
import { identifyCpu } from '../../../../agent/agent-thread/energy/cpu-identity.ts';
import { curvePower, estimatePower } from '../../../../agent/agent-thread/energy/power-model.ts';
import { UNCERTAINTY } from '../../../../agent/agent-thread/energy/uncertainty.ts';
import { cpuOf, idleAndMaxResults, type LoadCurveResult, loadCurveResults } from './published-results.ts';

/** The bars that the model was made to reach. */
const CURVE_BAR = 7;
const ABSOLUTE_BAR = 16;
/**
 * Of desktop CPUs there are seven results here, of two kinds: those whose operating system raises the clock with the load, and those of a straight line. Without one of them,
 * six do not tell how often each is. With all that were published it is below the bar.
 */
const CLIENT_LEFT_OUT_BAR = 9.5;
/** For CPUs that are newer than all results with load levels: six of the seven have no curve of their own, so the bar of those that have is not theirs. */
const LATER_CURVE_BAR = 8;
/** Idle alone is where machines differ most: disks, fans, settings of the firmware. */
const IDLE_AND_MAX_BAR = 25;
const MIN_BIG_HOSTS = 10;
const BIG_HOST_THREADS = 100;
/** The watts of a family are left out of themselves only where that many others remain. */
const MIN_OTHERS = 5;

const STRAIGHT: LoadCurve = Array.from({ length: 11 }, (_, at) => at / 10);

const results = loadCurveResults('load-curves.csv');
const later = loadCurveResults('later-load-curves.csv');
const ends = idleAndMaxResults();
const printed: string[] = [];

function groupBy<Key extends string>(
  of: readonly LoadCurveResult[],
  keyOf: (kind: string) => Key,
): [Key, LoadCurveResult[]][] {
  const groups = new Map<Key, LoadCurveResult[]>();
  for (const result of of) groups.set(keyOf(result.kind), [...(groups.get(keyOf(result.kind)) ?? []), result]);
  return [...groups];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return mean(sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1));
}

function powerNameOf(kind: string): FamilyName {
  const power = identifyCpu(cpuOf(kind))?.power;
  if (power === undefined) throw new Error(`${kind} has no family`);
  return power;
}

const curveNameOf = (kind: string): CurveName => FAMILY_POWER[powerNameOf(kind)].curve;
const idleOf = ({ watts }: LoadCurveResult): number => watts[0] ?? Number.NaN;
const maxOf = ({ watts }: LoadCurveResult): number => watts.at(-1) ?? Number.NaN;

/** In percent, over the levels. */
const errorOf = (watts: readonly number[], estimateAt: (level: number) => number): number =>
  100 * mean(watts.map((powerW, level) => Math.abs(estimateAt(level) / powerW - 1)));

function curveError(result: LoadCurveResult, curve: LoadCurve): number {
  const [idleW, maxW] = [idleOf(result), maxOf(result)];
  return errorOf(result.watts, (level) => curvePower({ idleW, maxW, curve, utilization: level / 10 }));
}

function meanCurve(of: readonly LoadCurveResult[]): LoadCurve {
  const shares = of.map((result) =>
    result.watts.map((powerW) => (powerW - idleOf(result)) / (maxOf(result) - idleOf(result))),
  );
  return STRAIGHT.map((_, level) => mean(shares.map((share) => share[level] ?? Number.NaN)));
}

const percent = (value: number): string => `${value.toFixed(1)} %`;

function print(what: string, figures: Readonly<Record<string, string | number>>): void {
  printed.push(
    `${what}: ${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
  );
}

afterAll(() => {
  console.log(printed.join('\n'));
});

test('the results are what their files say: 102 and 7 with all levels, 341 with idle and maximum', () => {
  expect([results.length, later.length, ends.length]).toEqual([102, 7, 341]);
  expect(results.filter(({ watts }) => watts.some((powerW, level) => powerW < (watts[level - 1] ?? 0)))).toEqual([]);
});

describe('the load curve', () => {
  const groups = groupBy(results, curveNameOf);

  test.each(groups)(`of %s is within ${CURVE_BAR} %% of published results`, (name, group) => {
    const own = mean(group.map((result) => curveError(result, LOAD_CURVES[name])));
    const leftOut = mean(
      group.map((result) => curveError(result, meanCurve(group.filter((other) => other !== result)))),
    );
    const straight = mean(group.map((result) => curveError(result, STRAIGHT)));
    print(`curve ${name}`, {
      results: group.length,
      MAPE: percent(own),
      'left out': percent(leftOut),
      'a straight line': percent(straight),
    });
    expect(own).toBeLessThanOrEqual(CURVE_BAR);
    expect(leftOut).toBeLessThanOrEqual(name === 'client' ? CLIENT_LEFT_OUT_BAR : CURVE_BAR);
  });

  test('is closer than a straight line, and than the curve of all', () => {
    const errorsOf = (curveOf: (kind: string) => LoadCurve): number =>
      mean(results.map((result) => curveError(result, curveOf(result.kind))));
    const own = errorsOf((kind) => LOAD_CURVES[curveNameOf(kind)]);
    const ofAll = errorsOf(() => LOAD_CURVES.default_ge2015);
    const straight = errorsOf(() => STRAIGHT);
    print('curve, all results', {
      MAPE: percent(own),
      'the curve of all': percent(ofAll),
      'a straight line': percent(straight),
    });
    expect(own).toBeLessThan(ofAll);
    expect(ofAll).toBeLessThan(straight);
  });

  test(`is within ${LATER_CURVE_BAR} % of later results, most of CPUs without a curve of their own`, () => {
    const errors = later.map((result) => curveError(result, LOAD_CURVES[curveNameOf(result.kind)]));
    print('curve, results of 2024 that no curve has seen', { results: later.length, MAPE: percent(mean(errors)) });
    expect(mean(errors)).toBeLessThanOrEqual(LATER_CURVE_BAR);
  });
});

describe('absolute watts', () => {
  const all = [...results, ...later];
  const estimateAt =
    ({ kind, threads }: LoadCurveResult) =>
    (level: number): number =>
      estimatePower({ ...cpuOf(kind), logicalCpus: threads, utilization: level / 10 }).powerW;
  const absoluteError = (result: LoadCurveResult): number => errorOf(result.watts, estimateAt(result));

  test(`are within ${ABSOLUTE_BAR} % of published results, over all load levels`, () => {
    for (const [family, group] of groupBy(all, powerNameOf))
      print(`absolute ${family}`, { results: group.length, MAPE: percent(mean(group.map(absoluteError))) });
    const atLevel = (level: number): number =>
      100 * mean(all.map((result) => Math.abs(estimateAt(result)(level) / (result.watts[level] ?? Number.NaN) - 1)));
    const figures = { results: all.length, MAPE: percent(mean(all.map(absoluteError))) };
    print('absolute, all', {
      ...figures,
      'at idle': percent(atLevel(0)),
      'at 50 %': percent(atLevel(5)),
      'at 100 %': percent(atLevel(10)),
    });
    expect(mean(all.map(absoluteError))).toBeLessThanOrEqual(ABSOLUTE_BAR);
  });

  test('are so, too, when the result has no part in the watts and the curve that it is held against', () => {
    /* One machine is often in both files. */
    const both = [...ends, ...all.map((result) => ({ ...result, idleW: idleOf(result), maxW: maxOf(result) }))];
    const known = new Map(
      both.map(({ kind, threads, idleW, maxW }) => [
        [kind, threads, idleW, maxW].join(),
        { kind, threads, idleW, maxW },
      ]),
    );
    const errors = all.flatMap((result) => {
      const [idleW, maxW] = [idleOf(result), maxOf(result)];
      const others = [...known.values()].filter(
        (other) =>
          powerNameOf(other.kind) === powerNameOf(result.kind) &&
          !(other.threads === result.threads && other.idleW === idleW && other.maxW === maxW),
      );
      if (others.length < MIN_OTHERS) return [];
      const big = others.filter(({ threads }) => threads >= BIG_HOST_THREADS);
      const used = big.length >= MIN_BIG_HOSTS ? big : others;
      const curve = meanCurve(
        all.filter((other) => other !== result && curveNameOf(other.kind) === curveNameOf(result.kind)),
      );
      const watts = {
        idleW: result.threads * median(used.map((other) => other.idleW / other.threads)),
        maxW: result.threads * median(used.map((other) => other.maxW / other.threads)),
      };
      return errorOf(result.watts, (level) => curvePower({ ...watts, curve, utilization: level / 10 }));
    });
    print('absolute, left out', { results: errors.length, MAPE: percent(mean(errors)) });
    expect(errors.length).toBeGreaterThan(100);
    expect(mean(errors)).toBeLessThanOrEqual(ABSOLUTE_BAR);
  });

  test(`are within ${IDLE_AND_MAX_BAR} % at idle and 100 % alone, where they are worst, for machines of all sizes`, () => {
    const errors = ends.map(({ kind, threads, idleW, maxW }) => {
      const { idlePowerW, maxPowerW } = estimatePower({ ...cpuOf(kind), logicalCpus: threads, utilization: 0 });
      return { threads, idle: 100 * Math.abs(idlePowerW / idleW - 1), max: 100 * Math.abs(maxPowerW / maxW - 1) };
    });
    for (const [what, of] of [
      ['all sizes', errors],
      [`${BIG_HOST_THREADS} threads and more`, errors.filter(({ threads }) => threads >= BIG_HOST_THREADS)],
    ] as const) {
      const [idle, max] = [mean(of.map((error) => error.idle)), mean(of.map((error) => error.max))];
      print(`idle and maximum, ${what}`, {
        results: of.length,
        'MAPE idle': percent(idle),
        'MAPE maximum': percent(max),
      });
      expect((idle + max) / 2).toBeLessThanOrEqual(IDLE_AND_MAX_BAR);
    }
  });

  test('lie within the bounds that the estimate has, nine times in ten', () => {
    const factors = all.flatMap((result) => result.watts.map((powerW, level) => powerW / estimateAt(result)(level)));
    const within = factors.filter((factor) => factor <= UNCERTAINTY.family && factor >= 1 / UNCERTAINTY.family);
    print(`within a factor of ${UNCERTAINTY.family}`, {
      levels: factors.length,
      share: percent((100 * within.length) / factors.length),
    });
    expect(within.length / factors.length).toBeGreaterThanOrEqual(0.9);
  });
});
