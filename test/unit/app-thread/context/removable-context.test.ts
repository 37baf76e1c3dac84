/** The removable manager against the api that is installed here: both of its formats, each a copy with a state of its own. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as esm from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { RemoteSpan } from '../../../../agent/app-thread/context/remote-span.ts';
import { RemovableContext } from '../../../../agent/app-thread/context/removable-context.ts';
import { ScopeContext } from '../../../../agent/app-thread/context/scope-context.ts';
import { API, type Context, type ContextManager } from '../../../../agent/app-thread/trace-context.ts';

const require = createRequire(import.meta.url);
const cjs = require('@opentelemetry/api') as typeof esm;
const manifest = readFileSync(join(dirname(require.resolve('@opentelemetry/api')), '../package.json'), 'utf8');
const { version } = JSON.parse(manifest) as { version: string };

const IDS = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };

afterEach(() => {
  Reflect.deleteProperty(globalThis, API);
});

function manager(): {
  readonly inScope: <T>(fn: () => T) => T;
  readonly removable: RemovableContext;
  readonly registered: ContextManager[];
} {
  const storage = new AsyncLocalStorage<Context | undefined>();
  const registered: ContextManager[] = [];
  const removable = new RemovableContext(storage, (found) => registered.push(found));
  const install = removable.install.bind(removable);
  removable.install = (given) => {
    removable.look();
    install(given);
  };
  return { inScope: (fn) => storage.run(new ScopeContext(new RemoteSpan(IDS)), fn), removable, registered };
}

function descriptor(): PropertyDescriptor | undefined {
  return Object.getOwnPropertyDescriptor(globalThis, API);
}

describe.each([
  ['CommonJS', cjs],
  ['ES module', esm],
])('%s', (_, api) => {
  const activeSpanId = (): string | undefined => api.trace.getActiveSpan()?.spanContext().spanId;

  test('R1: a span is active inside of scopes, and nothing is registered outside of them', async () => {
    const { inScope, removable } = manager();
    removable.install(version);
    expect(Reflect.get(globalThis, API)).toBeUndefined();
    expect(api.context.active()).toBe(api.ROOT_CONTEXT);
    const later = inScope(async () => {
      expect(activeSpanId()).toBe(IDS.spanId);
      await new Promise((resolve) => setImmediate(resolve));
      return activeSpanId();
    });
    expect(activeSpanId()).toBeUndefined();
    expect(await later).toBe(IDS.spanId);
    expect(api.context.active()).toBe(api.ROOT_CONTEXT);
  });

  test('inside of a scope contexts of the program become active as with any manager', () => {
    const { inScope, removable } = manager();
    removable.install(version);
    const key = api.createContextKey('mine');
    inScope(() => {
      const context = api.context.active().setValue(key, 1);
      const receiver = { seen: (...given: number[]) => [api.context.active().getValue(key), activeSpanId(), ...given] };
      expect(api.context.with(context, receiver.seen, receiver, 2, 3)).toEqual([1, IDS.spanId, 2, 3]);
      const bound = api.context.bind(context, receiver.seen);
      expect(bound.length).toBe(receiver.seen.length);
      expect(bound(4)).toEqual([1, IDS.spanId, 4]);
      expect(api.context.active().getValue(key)).toBeUndefined();
      api.context.with(api.ROOT_CONTEXT, () => expect(activeSpanId()).toBeUndefined());
      const token = api.context.attach(context.deleteValue(key));
      expect(api.context.active().getValue(key)).toBeUndefined();
      token.dispose();
      expect(activeSpanId()).toBe(IDS.spanId);
      api.trace.getTracer('none').startActiveSpan('child', (span) => expect(span.spanContext()).toMatchObject(IDS));
    });
  });

  test.each([
    ['outside of a scope', false],
    ['inside of one', true],
  ])('R2, R3: an SDK registers as it would have, %s, and all is plain then', (_where, isInside) => {
    const { inScope, removable, registered } = manager();
    const here = isInside ? inScope : (fn: () => unknown) => fn();
    removable.install(version);
    const own = new AsyncLocalStorageContextManager();
    here(() => {
      expect(api.propagation.setGlobalPropagator({ inject: () => {}, extract: (c) => c, fields: () => [] })).toBe(true);
      inScope(() => expect(activeSpanId()).toBe(IDS.spanId));
      expect(api.context.setGlobalContextManager(own)).toBe(true);
      expect(api.context.setGlobalContextManager(own)).toBe(false);
    });
    expect(registered).toEqual([own]);
    const found = descriptor();
    expect(found).toMatchObject({ writable: true, enumerable: true, configurable: true });
    const value = Object.getOwnPropertyDescriptor(found?.value as object, 'context');
    expect(value).toEqual({ value: own, writable: true, enumerable: true, configurable: true });
    expect(Object.keys(found?.value as object).toSorted()).toEqual(['context', 'propagation', 'version']);
    api.propagation.disable();
  });

  test('after `disable()` it can be installed anew', () => {
    const { inScope, removable } = manager();
    removable.install(version);
    inScope(() => api.context.disable());
    removable.install(version);
    expect(inScope(activeSpanId)).toBe(IDS.spanId);
    expect(api.context.setGlobalContextManager(new AsyncLocalStorageContextManager())).toBe(true);
    api.context.disable();
    removable.install(version);
    expect(inScope(activeSpanId)).toBe(IDS.spanId);
  });

  test('what is taken away leaves no trace, or what the program has registered', () => {
    const { inScope, removable } = manager();
    removable.install(version);
    removable.remove();
    expect(descriptor()).toBeUndefined();
    removable.install(version);
    api.diag.setLogger({ error() {}, warn() {}, info() {}, debug() {}, verbose() {} });
    expect(inScope(activeSpanId)).toBe(IDS.spanId);
    removable.remove();
    expect(inScope(activeSpanId)).toBeUndefined();
    expect(Object.keys(descriptor()?.value as object).toSorted()).toEqual(['diag', 'version']);
    expect(Object.getOwnPropertyNames(descriptor()?.value).toSorted()).toEqual(['diag', 'version']);
    api.diag.disable();
  });
});

test('it stays away from a manager of the application, from another version, and from accessors of others', () => {
  const { inScope, removable } = manager();
  const active = (): unknown => esm.trace.getActiveSpan();
  const own = new AsyncLocalStorageContextManager();
  esm.context.setGlobalContextManager(own);
  removable.install(version);
  expect(descriptor()?.value).toMatchObject({ context: own });
  Reflect.deleteProperty(globalThis, API);

  Object.defineProperty(globalThis, API, { value: { version: '1.0.0' }, configurable: true });
  removable.install(version);
  expect(descriptor()?.value).toEqual({ version: '1.0.0' });
  Reflect.deleteProperty(globalThis, API);

  const get = (): undefined => undefined;
  Object.defineProperty(globalThis, API, { get, configurable: true });
  removable.install(version);
  expect(descriptor()?.get).toBe(get);
  expect(inScope(active)).toBeUndefined();
});
