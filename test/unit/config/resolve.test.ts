/** What holds for every setting, whatever it is given: defaults, precedence, ranges, and a report of all that is wrong. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeKind, formatValue, type Kind, SETTINGS } from '../../../agent/config/env.ts';
import { type Config, FEATURES, type GridwatchOptions } from '../../../agent/config/options.ts';
import { resolveChange, resolveConfig } from '../../../agent/config/resolve.ts';

const OPTIONS = Object.keys(SETTINGS) as (keyof Config)[];
const DEFAULTS: Config = resolveConfig({}).config;

/** What a caller without types may pass. */
function resolveAnything(env: unknown, options?: unknown): ReturnType<typeof resolveConfig> {
  return resolveConfig(env as Record<string, string>, options as GridwatchOptions);
}

describe('the table', () => {
  it.each(OPTIONS)('names the variable of %s after the option', (option) => {
    const words = option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    expect(SETTINGS[option].variable).toBe(`GRIDWATCH_${words}`);
  });

  it('gives every default when nothing is set, without a problem', () => {
    const { config, problems } = resolveConfig({ PATH: '/bin' }, {});
    expect(problems).toEqual([]);
    for (const option of OPTIONS) expect(config[option]).toEqual(SETTINGS[option].byDefault);
  });

  it.each(OPTIONS)('accepts the default of %s as its own text, from the variable and from the option', (option) => {
    const text = formatValue(SETTINGS[option].byDefault);
    for (const [env, options] of [
      [{ [SETTINGS[option].variable]: text }, {}],
      [{}, { [option]: text }],
    ] as const) {
      const { config, problems } = resolveAnything(env, options);
      expect(problems).toEqual([]);
      expect(config).toEqual(DEFAULTS);
    }
  });

  it.each(OPTIONS)('says of %s what it accepts and what it is for', (option) => {
    const { kind, meaning } = SETTINGS[option];
    expect(describeKind(kind)).toMatch(/^\w.*[^.]$/);
    expect(meaning).toMatch(/^.{10,}[^.]$/);
  });
});

describe('a value', () => {
  it.each<[Kind['type'], Record<string, string>, Partial<Config>]>([
    ['boolean', { GRIDWATCH_ENABLED: 'No' }, { enabled: false }],
    ['boolean', { GRIDWATCH_RACES: 'ON' }, { races: true }],
    ['number', { GRIDWATCH_LOCK_THRESHOLD_MS: ' 0.5 ' }, { lockThresholdMs: 0.5 }],
    ['number', { GRIDWATCH_LOCK_THRESHOLD_MS: '-0' }, { lockThresholdMs: 0 }],
    ['number', { GRIDWATCH_CARBON_INTENSITY: '4e2' }, { carbonIntensity: 400 }],
    ['integer', { GRIDWATCH_METRICS_MAX_SERIES: '5000' }, { metricsMaxSeries: 5000 }],
    ['seed', { GRIDWATCH_PERTURB: '42' }, { perturb: 42 }],
    ['seed', { GRIDWATCH_PERTURB: 'OFF' }, { perturb: 'off' }],
    ['choice', { GRIDWATCH_LOG: 'JSON' }, { log: 'json' }],
    ['choice', { GRIDWATCH_ENERGY_SOURCE: 'model:tdp' }, { energySource: 'model:tdp' }],
    ['list', { GRIDWATCH_SIGNALS: 'sigterm, SIGINT,sigterm' }, { signals: ['SIGTERM', 'SIGINT'] }],
    ['list', { GRIDWATCH_EXCLUDE_THREADS: ' a b ,, **/c.js' }, { excludeThreads: ['a b', '**/c.js'] }],
    ['path', { GRIDWATCH_CONTROL_FILE: '/etc/gridwatch.json' }, { controlFile: '/etc/gridwatch.json' }],
  ])('of kind %s is taken from %j', (_kind, env, expected) => {
    const { config, problems } = resolveConfig(env);
    expect(problems).toEqual([]);
    expect(config).toEqual({ ...DEFAULTS, ...expected });
  });

  it('that is empty counts as not given', () => {
    const empty = Object.fromEntries(OPTIONS.map((option) => [SETTINGS[option].variable, ' ']));
    expect(resolveConfig(empty)).toEqual({ config: DEFAULTS, problems: [] });
  });

  it('of an option overrides its variable', () => {
    const env = { GRIDWATCH_GC_THRESHOLD_MS: '5', GRIDWATCH_LOG: 'off', GRIDWATCH_SIGNALS: 'SIGTERM' };
    const { config } = resolveConfig(env, { gcThresholdMs: 7, log: undefined, signals: [] });
    expect(config).toEqual({ ...DEFAULTS, gcThresholdMs: 7, log: 'off' });
  });

  it('that is bad leaves the next best one: option, then variable, then default', () => {
    const { config, problems } = resolveAnything(
      { GRIDWATCH_GC_THRESHOLD_MS: '5', GRIDWATCH_MAX_CPU: '2', GRIDWATCH_LOG: 'loud' },
      { gcThresholdMs: -1, maxCpu: 0.5 },
    );
    expect(config).toEqual({ ...DEFAULTS, gcThresholdMs: 5, maxCpu: 0.5 });
    expect(problems).toEqual([
      {
        name: 'GRIDWATCH_MAX_CPU',
        value: '"2"',
        expected: 'a number from 0.001 to 1 cores',
        holds: '0.5',
        message: 'GRIDWATCH_MAX_CPU: "2" is ignored (expected a number from 0.001 to 1 cores); 0.5 holds',
      },
      expect.objectContaining({ name: 'GRIDWATCH_LOG', expected: 'one of auto, text, json, off', holds: 'auto' }),
      expect.objectContaining({ name: 'gcThresholdMs', value: '-1', holds: '5' }),
    ]);
  });

  it.each(['20ms', 'NaN', 'Infinity', '-1', '1e99', '0x', '--'])('of %s is no number in range', (text) => {
    const { config, problems } = resolveConfig({ GRIDWATCH_LOCK_THRESHOLD_MS: text });
    expect(config).toEqual(DEFAULTS);
    expect(problems).toMatchObject([{ expected: 'a number from 0 to 3600000 ms', holds: '20' }]);
  });

  it('of a number is accepted within its range and nowhere else', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const { config, problems } = resolveConfig({}, { maxMemoryMb: value });
        const isGood = Number.isInteger(value) && value >= 16 && value <= 4096;
        expect(problems).toHaveLength(isGood ? 0 : 1);
        expect(config.maxMemoryMb).toBe(isGood ? value : DEFAULTS.maxMemoryMb);
      }),
    );
  });

  it.each([
    'lock.js',
    '/srv/shop/lock.js:3',
    'C:\\shop\\lock.js:3',
    'file:///srv/lock.js:3',
    'lock.js:3:17',
    ':3',
    'lock.js:',
  ])('of a call site is not %s, which could not match any', (entry) => {
    const { config, problems } = resolveConfig({ GRIDWATCH_ATOMICS_SITES: `${entry},lib/*.js:*,lock.js:12` });
    expect(config.atomicsSites).toEqual(['lib/*.js:*', 'lock.js:12']);
    expect(problems).toMatchObject([
      { value: JSON.stringify(entry), expected: 'a comma list of call sites (file:line, relative, globs allowed)' },
    ]);
  });

  it('is shown short, on one line', () => {
    const [problem] = resolveConfig({ GRIDWATCH_LOG: `\n\u001b[31m${'x'.repeat(500)}` }).problems;
    expect(problem?.value).toMatch(/^"\\n\\u001b\[31mx{70,75}\.\.\."$/);
  });
});

describe('features', () => {
  function featuresOf(text: string): readonly string[] {
    const { features } = resolveConfig({ GRIDWATCH_FEATURES: text }).config;
    return FEATURES.filter((feature) => features[feature]);
  }

  it.each([
    ['all', FEATURES],
    ['gc', ['gc']],
    ['heap, GC', ['gc', 'heap']],
    ['-gc', FEATURES.filter((feature) => feature !== 'gc')],
    ['gc,-heap', ['gc']],
    ['-gc,gc,heap', ['heap']],
    ['all,-energy,-races', FEATURES.filter((feature) => feature !== 'energy' && feature !== 'races')],
    ['-all', []],
  ])('%s', (text, expected) => {
    expect(featuresOf(text)).toEqual(expected);
  });

  it('leave out an unknown one and keep the rest', () => {
    const { config, problems } = resolveConfig({ GRIDWATCH_FEATURES: 'gc,hepa,-locsk' });
    expect(FEATURES.filter((feature) => config.features[feature])).toEqual(['gc']);
    expect(problems.map(({ value, holds }) => [value, holds])).toEqual([
      ['"hepa"', 'gc'],
      ['"-locsk"', 'gc'],
    ]);
  });

  it('come back the same when written and read again', () => {
    const record = fc.record(Object.fromEntries(FEATURES.map((feature) => [feature, fc.boolean()])));
    fc.assert(
      fc.property(record, (features) => {
        const text = formatValue(features as unknown as Config['features']);
        expect(resolveConfig({ GRIDWATCH_FEATURES: text })).toEqual({
          config: { ...DEFAULTS, features },
          problems: [],
        });
      }),
    );
  });
});

describe('an unknown name', () => {
  it.each([
    ['GRIDWATCH_LOCK_TRESHOLD_MS', 'GRIDWATCH_LOCK_THRESHOLD_MS'],
    ['GRIDWATCH_LOCK_THRESHOLD', 'GRIDWATCH_LOCK_THRESHOLD_MS'],
    ['GRIDWATCH_FEATURE', 'GRIDWATCH_FEATURES'],
    ['GRIDWATCH_QWERTYUIOP', ''],
    [`GRIDWATCH_${'X'.repeat(100)}`, ''],
  ])('%s suggests %j, and its value is not repeated', (name, suggestion) => {
    const [problem] = resolveConfig({ [name]: 'secret' }).problems;
    expect(problem).toMatchObject({ name, value: '', expected: suggestion });
    const hint = suggestion && `; did you mean ${suggestion}?`;
    expect(problem?.message).toBe(`${name} is not a setting and is ignored${hint}`);
  });

  it.each(['lock_threshold_ms', 'GRIDWATCH_LOCK_THRESHOLD_MS', 'lockTresholdMs'])('of an option, %s', (name) => {
    expect(resolveAnything({}, { [name]: 1 }).problems).toMatchObject([{ name, expected: 'lockThresholdMs' }]);
  });

  it('is looked for only behind our prefix', () => {
    expect(resolveConfig({ GRID: '1', gridwatch_log: 'x', MY_GRIDWATCH_LOG: 'x' }).problems).toEqual([]);
  });
});

describe('whatever it is given', () => {
  const refuse = (): never => {
    throw new Error('refused');
  };
  const hostile = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true }),
    fc.constantFrom<unknown>(
      Symbol('x'),
      refuse,
      { toString: refuse },
      new Proxy({}, { get: refuse, ownKeys: refuse }),
      new Proxy([], { get: refuse }),
      ['gc', { toString: refuse }, Symbol('y'), null],
      Array.from({ length: 10_000 }),
      'x,'.repeat(1e5),
    ),
  );

  it('never throws, and always gives a whole configuration that another thread can have', () => {
    const options = fc.dictionary(fc.oneof(fc.constantFrom<string>(...OPTIONS), fc.string()), hostile, {
      noNullPrototype: false,
    });
    const env = fc.dictionary(fc.constantFrom(...OPTIONS.map((option) => SETTINGS[option].variable)), hostile);
    fc.assert(
      fc.property(fc.oneof(env, hostile), fc.oneof(options, hostile), (anyEnv, anyOptions) => {
        const { config, problems } = resolveAnything(anyEnv, anyOptions);
        expect(Object.keys(config)).toEqual(OPTIONS);
        expect(structuredClone(config)).toEqual(config);
        for (const problem of structuredClone(problems)) {
          expect(Object.values(problem).every((text) => typeof text === 'string')).toBe(true);
        }
        // What was accepted is acceptable: it passes through a second time unchanged and without a word.
        expect(resolveAnything({}, { ...config, features: formatValue(config.features) })).toEqual({
          config,
          problems: [],
        });
      }),
    );
  });

  it.each([[null], ['text'], [5], [[]], [new Proxy({}, { ownKeys: refuse })]])(
    'says that the options cannot be read: case %#',
    (options) => {
      const { config, problems } = resolveAnything({}, options);
      expect(config).toEqual(DEFAULTS);
      expect(problems).toMatchObject([{ name: 'the options of start()', expected: 'an object that can be read' }]);
    },
  );

  it('says that one option cannot be read, and reads the others', () => {
    const options = Object.defineProperty({ log: 'off' }, 'maxCpu', { enumerable: true, get: refuse });
    const { config, problems } = resolveAnything({}, options);
    expect(config).toEqual({ ...DEFAULTS, log: 'off' });
    expect(problems).toMatchObject([{ name: 'maxCpu', value: 'a value that cannot be read', holds: '0.05' }]);
  });

  it('survives a revoked proxy anywhere', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(resolveAnything(proxy, proxy).problems).toHaveLength(2);
    expect(resolveAnything({}, { features: proxy, maxCpu: proxy }).problems).toHaveLength(2);
  });

  it('cannot be changed afterwards', () => {
    const { config } = resolveConfig({ GRIDWATCH_SIGNALS: 'SIGTERM', GRIDWATCH_FEATURES: 'gc' });
    for (const frozen of [config, config.features, config.signals, config.excludeThreads]) {
      expect(Object.isFrozen(frozen)).toBe(true);
    }
  });
});

describe('a change', () => {
  const base = resolveConfig({ GRIDWATCH_MAX_CPU: '0.1', GRIDWATCH_FEATURES: '-heap' }).config;
  const changeable = ['maxCpu', 'features'] as const;

  it('leaves all that it does not name as it was', () => {
    const { config, problems } = resolveChange(base, { maxCpu: '0.2' }, changeable);
    expect(problems).toEqual([]);
    expect(config).toEqual({ ...base, maxCpu: 0.2 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('leaves as it was what is given a bad value, and says what holds', () => {
    const { config, problems } = resolveChange(base, { maxCpu: 2, features: 'nonsense' }, changeable);
    expect(config).toEqual(base);
    expect(problems).toMatchObject([
      { name: 'maxCpu', holds: '0.1' },
      { name: 'features', holds: '-heap' },
    ]);
  });

  it('names nothing that may not be changed', () => {
    const { config, problems } = resolveChange(base, { maxMemoryMb: 32 }, changeable);
    expect(config).toEqual(base);
    expect(problems).toMatchObject([{ name: 'maxMemoryMb', value: '' }]);
  });

  it.each([[null], ['text'], [[]], [undefined]])('may be %o, which is said', (change) => {
    const { config, problems } = resolveChange(base, change, changeable);
    expect(config).toEqual(base);
    expect(problems).toHaveLength(1);
  });
});
