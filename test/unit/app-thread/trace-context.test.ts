/** The active span, read from whatever stands where an OpenTelemetry api would: nothing that it does gets out. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { activeTraceIds } from '../../../agent/app-thread/trace-context.ts';

const API = Symbol.for('opentelemetry.js.api.1');
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');
const IDS = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };

const register = (api: unknown): void => {
  Object.defineProperty(globalThis, API, { value: api, configurable: true });
};

/** An api whose active span has these ids. */
const apiWith = (ids: unknown): unknown => ({
  context: {
    active: () => ({ getValue: (key: symbol) => (key === SPAN_KEY ? { spanContext: () => ids } : undefined) }),
  },
});

afterEach(() => {
  Reflect.deleteProperty(globalThis, API);
});

test('the ids of the active span', () => {
  register(apiWith({ ...IDS, isRemote: false, traceState: {} }));
  expect(activeTraceIds()).toEqual(IDS);
});

test.each([
  ['flags beyond a byte are cut', 0x1ff, 0xff],
  ['flags that are none are zero', undefined, 0],
  ['flags that are not a number are zero', 'sampled', 0],
])('%s', (_, traceFlags, expected) => {
  register(apiWith({ ...IDS, traceFlags }));
  expect(activeTraceIds()).toEqual({ ...IDS, traceFlags: expected });
});

describe('without a valid span there is none', () => {
  test.each<[string, unknown]>([
    ['no api', undefined],
    ['null', null],
    ['no context manager', {}],
    ['a context manager that is none', { context: 5 }],
    ['no active context', { context: { active: () => undefined } }],
    ['a context without values', { context: { active: () => ({}) } }],
    ['no active span', { context: { active: () => ({ getValue: () => undefined }) } }],
    ['a span that is none', { context: { active: () => ({ getValue: () => ({}) }) } }],
    ['no ids', apiWith(undefined)],
    ['ids of zeros', apiWith({ ...IDS, traceId: '0'.repeat(32) })],
    ['a span id of zeros', apiWith({ ...IDS, spanId: '0'.repeat(16) })],
    ['ids that are too short', apiWith({ ...IDS, traceId: 'abc' })],
    ['ids in capitals', apiWith({ ...IDS, spanId: IDS.spanId.toUpperCase() })],
    ['ids with a line end', apiWith({ ...IDS, spanId: `${IDS.spanId}\n` })],
    ['ids that are no strings', apiWith({ ...IDS, traceId: 12 })],
    ['an object with a toString', apiWith({ ...IDS, traceId: { toString: () => IDS.traceId } })],
  ])('%s', (_, api) => {
    register(api);
    expect(activeTraceIds()).toBeUndefined();
  });
});

test('whatever step throws, nothing gets out', () => {
  const throws = (): never => {
    throw new Error('of the program');
  };
  const trap = (key: string): object => Object.defineProperty({}, key, { get: throws });
  const apis = [
    trap('context'),
    { context: trap('active') },
    { context: { active: throws } },
    { context: { active: () => trap('getValue') } },
    { context: { active: () => ({ getValue: throws }) } },
    { context: { active: () => ({ getValue: () => trap('spanContext') }) } },
    { context: { active: () => ({ getValue: () => ({ spanContext: throws }) }) } },
    apiWith(trap('traceId')),
    apiWith({ ...IDS, traceFlags: { valueOf: throws } }),
    new Proxy({}, { get: throws }),
  ];
  for (const api of apis) {
    register(api);
    expect(activeTraceIds()).toBeUndefined();
  }
  Object.defineProperty(globalThis, API, { get: throws, configurable: true });
  expect(activeTraceIds()).toBeUndefined();
});

test('any value as the api, or as the ids, is survived', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (api, ids) => {
      register(api);
      activeTraceIds();
      register(apiWith(ids));
      const read = activeTraceIds();
      if (read !== undefined) expect(read.traceId).toMatch(/^[0-9a-f]{32}$/);
    }),
  );
});
