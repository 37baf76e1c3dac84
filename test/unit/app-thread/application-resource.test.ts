/** What the application's SDK says the process is: found in every line of the SDK, at some moment, and never at the program's expense. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApplicationResource, ResourceNotice } from '../../../agent/app-thread/application-resource.ts';
import { behindProxy, register, unregister } from './fake-api.ts';

let notices: ResourceNotice[];
let application: ApplicationResource;

beforeEach(async () => {
  vi.useFakeTimers();
  /* The module keeps the timers that are there when it is loaded. */
  vi.resetModules();
  const module = await import('../../../agent/app-thread/application-resource.ts');
  notices = [];
  application = new module.ApplicationResource((notice) => notices.push(notice), 5000);
});

afterEach(() => {
  application.stop();
  unregister();
  vi.useRealTimers();
});

const ATTRIBUTES = { 'service.name': 'shop', 'service.instance.id': 'one', 'app.tags': ['a', 'b'], 'app.size': 3 };
const COMPLETE = [{ resource: Object.entries(ATTRIBUTES), isComplete: true }];

describe.each([
  ['a tracer provider of 1.x', () => ({ trace: behindProxy({ resource: { attributes: ATTRIBUTES } }) })],
  ['a tracer provider of 2.x and 3.x', () => ({ trace: behindProxy({ _resource: { attributes: ATTRIBUTES } }) })],
  ['a tracer provider without the stand-in', () => ({ trace: { _resource: { attributes: ATTRIBUTES } } })],
  ['a meter provider alone', () => ({ metrics: { _sharedState: { resource: { attributes: ATTRIBUTES } } } })],
  ['a logger provider alone', () => ({ logs: { _sharedState: { resource: { attributes: ATTRIBUTES } } } })],
])('%s', (_, api) => {
  it('is found at the first look after it was registered, and told once', () => {
    vi.advanceTimersByTime(1000);
    register(api());
    expect(notices).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(notices).toEqual(COMPLETE);
    vi.advanceTimersByTime(10_000);
    application.look();
    expect(notices).toHaveLength(1);
  });

  it('is found at once when somebody asks, as at the exit', () => {
    register(api());
    application.look();
    expect(notices).toEqual(COMPLETE);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('looking', () => {
  it('is done a few times within five seconds, and then only when asked', () => {
    vi.advanceTimersByTime(5000);
    expect(vi.getTimerCount()).toBe(0);
    register({ trace: behindProxy({ resource: { attributes: ATTRIBUTES } }) });
    vi.advanceTimersByTime(60_000);
    expect(notices).toEqual([]);
    application.look();
    expect(notices).toEqual(COMPLETE);
  });

  it('goes on as long as the agent waits, and five seconds when it does not', async () => {
    const module = await import('../../../agent/app-thread/application-resource.ts');
    for (const [waitMs, lookedMs] of [
      [20_000, 18_000],
      [0, 3000],
    ] as const) {
      const waiting = new module.ApplicationResource((notice) => notices.push(notice), waitMs);
      vi.advanceTimersByTime(lookedMs);
      register({ trace: behindProxy({ resource: { attributes: ATTRIBUTES } }) });
      vi.advanceTimersByTime(2000);
      expect(notices.splice(0)).toContainEqual(COMPLETE[0]);
      waiting.stop();
      unregister();
    }
  });

  it('ends when it is stopped', () => {
    application.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['nothing', {}],
    ['a provider without a resource', { trace: behindProxy({}) }],
    ['a resource that is no object', { trace: behindProxy({ resource: 'shop' }), metrics: 7 }],
    [
      'accessors that throw',
      {
        get trace(): never {
          throw new Error('not yours');
        },
      },
    ],
  ])('does not mind %s', (_, api) => {
    register(api);
    expect(() => application.look()).not.toThrow();
    expect(notices).toEqual([]);
  });
});

/** As the SDKs have it while a detector still works: asking for `attributes` makes them complain. */
function pendingResource(settled: object): { resource: object; settle: () => void; complaints: () => number } {
  let complaints = 0;
  let settle = (): void => {};
  const isSettled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  let isPending = true;
  const resource = {
    ...settled,
    get asyncAttributesPending() {
      return isPending;
    },
    async waitForAsyncAttributes() {
      await isSettled;
      isPending = false;
    },
    get attributes() {
      if (isPending) complaints++;
      return ATTRIBUTES;
    },
  };
  return { resource, settle, complaints: () => complaints };
}

describe.each([
  ['1.x', { _syncAttributes: { 'service.name': 'shop', 'host.id': undefined } }],
  [
    '2.x and 3.x',
    {
      _rawAttributes: [
        ['service.name', 'shop'],
        ['host.id', Promise.resolve('h')],
      ],
    },
  ],
])('a resource of %s that is not settled', (_, settled) => {
  it('is told of twice, and never asked for what it does not know yet', async () => {
    const { resource, settle, complaints } = pendingResource(settled);
    register({ trace: behindProxy({ resource }) });
    application.look();
    expect(notices).toEqual([{ resource: [['service.name', 'shop']], isComplete: false }]);
    settle();
    await vi.waitFor(() => expect(notices).toHaveLength(2));
    expect(notices[1]).toEqual(COMPLETE[0]);
    expect(complaints()).toBe(0);
  });
});

it('sends what can be sent: no promise, object, function or symbol', () => {
  const attributes = {
    ...ATTRIBUTES,
    a: null,
    b: undefined,
    c: {},
    d: () => 1,
    e: Symbol('e'),
    f: [{}],
    g: Promise.resolve(1),
    h: 1n,
  };
  register({ trace: behindProxy({ resource: { attributes } }) });
  application.look();
  expect(notices).toEqual(COMPLETE);
});
