/** Which metrics an application measures itself: found in what its SDK holds, told once, and nothing of its own that is no convention's. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { leftToApplication } from '../../../agent/agent-thread/application-metrics.ts';
import type { ApplicationMeters } from '../../../agent/app-thread/application-meters.ts';
import { register, unregister } from './fake-api.ts';

let notices: { readonly instruments: readonly string[] }[];
let meters: ApplicationMeters;

beforeEach(async () => {
  vi.useFakeTimers();
  /* The module keeps the timers that are there when it is loaded. */
  vi.resetModules();
  const module = await import('../../../agent/app-thread/application-meters.ts');
  notices = [];
  meters = new module.ApplicationMeters((notice) => notices.push(notice));
});

afterEach(() => {
  meters.stop();
  unregister();
  vi.useRealTimers();
});

/** A provider as the SDKs have it: what a view has made is shared, everything else stands by reader. */
function provider(byReader: readonly string[], shared: readonly string[] = [], readers = 1): unknown {
  const storages = (names: readonly string[]): Map<string, unknown> => new Map(names.map((name) => [name, []]));
  const metricStorageRegistry = {
    _sharedRegistry: storages(shared),
    _perCollectorRegistry: new Map([[{}, storages(byReader)]]),
  };
  const meterSharedStates = new Map([['a:1:', { metricStorageRegistry }]]);
  return { _sharedState: { metricCollectors: Array.from({ length: readers }), meterSharedStates } };
}

describe('the metrics of the application', () => {
  it('are told of when the program has begun, and again when there are more', () => {
    register({ metrics: provider(['v8js.gc.duration', 'shop.orders'], ['process.cpu.time']) });
    vi.advanceTimersByTime(1000);
    expect(notices).toEqual([{ instruments: ['process.cpu.time', 'v8js.gc.duration'] }]);
    meters.look();
    expect(notices).toHaveLength(1);
    register({ metrics: provider(['system.cpu.time', 'db.client.connection.wait_time']) });
    vi.advanceTimersByTime(4000);
    expect(notices[1]?.instruments).toEqual(
      expect.arrayContaining(['system.cpu.time', 'db.client.connection.wait_time']),
    );
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are none where no reader collects them', () => {
    register({ metrics: provider(['v8js.gc.duration'], ['process.cpu.time'], 0) });
    meters.look();
    expect(notices).toEqual([]);
  });

  it.each([
    ['nothing', {}],
    ['the api alone', { metrics: {} }],
    ['another SDK', { metrics: { _sharedState: { metricCollectors: [1], meterSharedStates: 7 } } }],
    [
      'accessors that throw',
      {
        get metrics(): never {
          throw new Error('not yours');
        },
      },
    ],
  ])('are none, and do no harm, with %s', (_, api) => {
    register(api);
    meters.look();
    expect(notices).toEqual([]);
  });
});

describe('what is left to the application', () => {
  it('is what the agent would send under a name of a convention', () => {
    const instruments = [
      'v8js.gc.duration',
      'v8js.gc.duration',
      'http.server.request.duration',
      'gridwatch.thread.exits',
      7,
    ];
    expect(leftToApplication({ instruments })).toEqual(['v8js.gc.duration']);
  });

  it.each([undefined, null, 'v8js.gc.duration', { instruments: 'v8js.gc.duration' }, { resource: [] }])(
    'is nothing by %j',
    (message) => {
      expect(leftToApplication(message)).toEqual([]);
    },
  );
});
