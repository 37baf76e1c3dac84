/** Spans of senders made active: by a manager of the application's, by the removable one, and without any. */
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { findContextLink, setContextLink } from '../../../../agent/app-thread/context/context-link.ts';
import type { LazyContext } from '../../../../agent/app-thread/context/context-scope.ts';
import { ThreadScopes } from '../../../../agent/app-thread/context/thread-scopes.ts';
import { API, activeTraceIds } from '../../../../agent/app-thread/trace-context.ts';

const IDS = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
const OTHER = { ...IDS, spanId: '00f067aa0ba902b7' };
const VERSION = '1.10.0';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** In a turn of the event loop that nothing follows: what is entered there ends with it. */
const inTurnOfItsOwn = <T>(fn: () => Promise<T>): Promise<T> =>
  new Promise((resolve) => {
    setImmediate(() => resolve(fn()));
  });

afterEach(() => {
  setContextLink(undefined);
  Reflect.deleteProperty(globalThis, API);
});

function scopes(context: 'auto' | 'on' | 'off' = 'auto', hasFrames = true) {
  const losses: string[] = [];
  const made = new ThreadScopes({ config: { context }, hasFrames, onLoss: (reason) => losses.push(reason) });
  setContextLink(made);
  return { made, losses };
}

function lazy(): { readonly context: LazyContext; readonly questions: () => number } {
  let questions = 0;
  const wake = (): typeof OTHER => {
    questions++;
    return OTHER;
  };
  return { context: { source: IDS, wake }, questions: () => questions };
}

const activeSpan = (): api.Span | undefined => api.trace.getActiveSpan();

describe.each([
  ["the application's manager", () => api.context.setGlobalContextManager(new AsyncLocalStorageContextManager())],
  ['the removable one', undefined],
  ['no api at all', undefined],
] as const)('%s', (kind, register) => {
  const start = (): ThreadScopes => {
    register?.();
    const { made } = scopes();
    if (kind === 'the removable one') made.sawApi(VERSION);
    return made;
  };

  test('a context is active across awaits and timers, and nowhere else', async () => {
    const made = start();
    expect(made.canActivate).toBe(true);
    const seen: unknown[] = [];
    const later: Promise<unknown>[] = [];
    made.run(IDS, () => {
      seen.push(made.active());
      later.push(new Promise((resolve) => setTimeout(() => resolve(seen.push(made.active())), 0)));
      later.push(turn().then(() => seen.push(made.active())));
    });
    expect([made.active(), activeTraceIds()]).toEqual([undefined, undefined]);
    await Promise.all(later);
    expect(seen).toEqual([IDS, IDS, IDS]);
    expect([made.active(), activeTraceIds()]).toEqual([undefined, undefined]);
  });

  test('without a context, nothing of an earlier message is active', () => {
    const made = start();
    made.run(IDS, () => {
      made.run(undefined, () => expect([made.active(), activeTraceIds()]).toEqual([undefined, undefined]));
      made.run(OTHER, () => expect(made.active()).toEqual(OTHER));
      expect(made.active()).toEqual(IDS);
    });
  });

  test("the agent's own readers take the source without a question, and what was shown after one", async () => {
    const made = start();
    const { context, questions } = lazy();
    const later = made.run(context, async () => {
      expect(activeTraceIds()).toEqual(IDS);
      await turn();
      expect([activeTraceIds(), questions()]).toEqual([IDS, 0]);
      expect(made.active()).toEqual(OTHER);
      expect(made.active()).toEqual(OTHER);
      return activeTraceIds();
    });
    expect(await later).toEqual(OTHER);
    expect(questions()).toBe(1);
  });

  test('what is called is called once, and what it throws gets out', () => {
    const made = start();
    let calls = 0;
    expect(() =>
      made.run(IDS, () => {
        calls++;
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(calls).toBe(1);
    expect(made.run(IDS, () => 7)).toBe(7);
  });
});

test('the span is a whole one that records nothing', () => {
  const { made } = scopes();
  made.sawApi(VERSION);
  made.run(IDS, () => {
    const span = activeSpan() as api.Span;
    const chained = span
      .setAttribute('a', 1)
      .setAttributes({ b: 2 })
      .addEvent('c')
      .addLink({ context: span.spanContext() })
      .addLinks([])
      .setStatus({ code: api.SpanStatusCode.ERROR })
      .updateName('d');
    expect(chained).toBe(span);
    span.recordException(new Error('none'));
    span.end();
    expect(span.isRecording()).toBe(false);
    expect(span.spanContext()).toEqual({ ...IDS, isRemote: true });
    expect(span.spanContext()).toBe(span.spanContext());
    expect(Object.keys(span)).toEqual([]);
    expect(api.isSpanContextValid(span.spanContext())).toBe(true);
  });
});

test('a manager that throws costs the context, not the call', () => {
  const failing = {
    active: () => api.ROOT_CONTEXT,
    with: () => {
      throw new Error('of the manager');
    },
  };
  Object.defineProperty(globalThis, API, { value: { version: VERSION, context: failing }, configurable: true });
  const { made } = scopes();
  expect(made.run(IDS, () => 1)).toBe(1);
  failing.active = () => {
    throw new Error('of the manager');
  };
  expect(made.run(IDS, () => 2)).toBe(2);
  expect([made.active(), activeTraceIds()]).toEqual([undefined, undefined]);
});

test("without a context, what the application's own manager has stays active", () => {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  const { made } = scopes();
  const own = api.trace.setSpanContext(api.ROOT_CONTEXT, OTHER);
  made.run(IDS, () => {});
  api.context.with(own, () => made.run(undefined, () => expect(made.active()).toEqual(OTHER)));
});

test('where a source of a lazy context fails, or gives no ids, it is the source', () => {
  const { made } = scopes();
  const wake = (): never => {
    throw new Error('none');
  };
  made.run({ source: IDS, wake }, () => expect(made.active()).toEqual(IDS));
  made.run({ source: IDS, wake: () => ({ ...IDS, spanId: '' }) }, () => expect(made.active()).toEqual(IDS));
});

describe('a thread that was started in a span', () => {
  test('works for it until its first turn is over, whoever asks', async () => {
    const { made } = scopes();
    const first = inTurnOfItsOwn(async () => {
      made.enter(IDS);
      made.sawApi(VERSION);
      const seen = [activeSpan()?.spanContext().spanId];
      await turn();
      seen.push(activeSpan()?.spanContext().spanId);
      return seen;
    });
    expect(await first).toEqual([IDS.spanId, IDS.spanId]);
    expect([made.active(), activeTraceIds()]).toEqual([undefined, undefined]);
  });

  test.each([['before'], ['after']])('goes on doing so where an SDK is registered, %s it began', async (when) => {
    const { made } = scopes();
    const first = inTurnOfItsOwn(async () => {
      const register = (): boolean => api.context.setGlobalContextManager(new AsyncLocalStorageContextManager());
      if (when === 'before') register();
      made.enter(IDS);
      made.sawApi(VERSION);
      if (when === 'after') register();
      const seen = [activeSpan()?.spanContext().spanId];
      await turn();
      seen.push(activeSpan()?.spanContext().spanId);
      return seen;
    });
    expect(await first).toEqual([IDS.spanId, IDS.spanId]);
    expect(activeSpan()).toBeUndefined();
  });
});

describe('where a context does not become active', () => {
  test('several versions of the api: it is taken away from both, and said once', () => {
    const { made, losses } = scopes();
    made.sawApi(VERSION);
    made.sawApi(VERSION);
    made.run(IDS, () => {
      expect(activeSpan()?.spanContext().spanId).toBe(IDS.spanId);
      made.sawApi('1.9.0');
      expect(activeSpan()).toBeUndefined();
      expect(made.active()).toEqual(IDS);
    });
    made.run(IDS, () => expect(activeSpan()).toBeUndefined());
    expect(losses).toEqual(['several_api_versions']);
  });

  test('nothing is said as long as there is no context', () => {
    const { made, losses } = scopes();
    made.sawApi(VERSION);
    made.sawApi('1.9.0');
    made.run(undefined, () => {});
    expect(losses).toEqual([]);
  });

  test('async hooks: the message is known while it is handled, no longer, and that is said once an api is there', async () => {
    const { made, losses } = scopes('auto', false);
    expect(made.canActivate).toBe(false);
    const later = made.run(IDS, async () => {
      expect([made.active(), activeTraceIds()]).toEqual([IDS, IDS]);
      await turn();
      return made.active();
    });
    expect(await later).toBeUndefined();
    expect(losses).toEqual([]);
    made.sawApi(VERSION);
    made.run(IDS, () => expect(activeSpan()).toBeUndefined());
    expect(losses).toEqual(['node22_als']);
    expect(scopes('on', false).made.canActivate).toBe(true);
  });

  test('`off`: nothing is made active, whoever has a manager', () => {
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    const { made, losses } = scopes('off');
    expect(made.canActivate).toBe(false);
    made.enter(IDS);
    made.run(IDS, () => expect([made.active(), activeSpan()]).toEqual([undefined, undefined]));
    expect(losses).toEqual([]);
  });
});

test('others find the scopes until they are stopped', () => {
  const { made } = scopes();
  made.run(IDS, () => expect(findContextLink()?.active()).toEqual(IDS));
  made.stop();
  setContextLink(undefined);
  expect(findContextLink()).toBeUndefined();
});
