/** The last minutes in memory: what series, spans and processes keep, what they forget, and what is made of them. */
import { describe, expect, it } from 'vitest';
import { decodeOtlp, type OtlpSignal } from '../../../../agent/cli/otlp-decode.ts';
import { type Summary, summarise } from '../../../../agent/cli/ui/summary.ts';
import { WINDOW_MS, Window } from '../../../../agent/cli/ui/window/window.ts';
import {
  counter,
  gauge,
  histogram,
  logsRequest,
  metricsRequest,
  type PointOptions,
  type SpanOptions,
  spansRequest,
  threadStates,
} from '../../../support/otlp-payloads.ts';

const T0 = 1_800_000_000_000;

function ingest(window: Window, signal: OtlpSignal, request: unknown, nowMs: number): void {
  window.ingest(decodeOtlp(signal, 'application/json', Buffer.from(JSON.stringify(request))), nowMs);
}

describe('the window', () => {
  const at = (timeMs: number): { startMs: number; timeMs: number } => ({ startMs: T0, timeMs });

  function summaryOf(window: Window, toMs: number, fromMs: number = T0): Summary {
    return summarise(window, fromMs, toMs, 2);
  }

  it('sums up threads, pauses, cores, workers and losses', () => {
    const window = new Window();
    const send = (timeMs: number, ageS: number): void => {
      const gcOfMain = { ...at(timeMs), attributes: { 'thread.name': 'main', 'v8js.gc.type': 'minor' } };
      const metrics = [
        ...threadStates('main', { running: 0.5 * ageS, idle: 0.5 * ageS }, at(timeMs)),
        ...threadStates('worker-1', { parked: ageS }, at(timeMs)),
        histogram('v8js.gc.duration', [0.004, 0.2].slice(0, ageS), gcOfMain),
        gauge('gridwatch.cpu.demand', 1.5, at(timeMs)),
        counter('gridwatch.agent.dropped', ageS, { ...at(timeMs), attributes: { 'gridwatch.record.kind': 'gc' } }),
        counter('gridwatch.thread.exits', ageS, { ...at(timeMs), attributes: { 'error.type': 'uncaught' } }),
        counter('gridwatch.thread.exits', 7, at(timeMs)),
        ...['user', 'idle', 'iowait'].map((mode, place) =>
          counter('system.cpu.time', [0.25, 0.5, 0.25][place]! * ageS, {
            ...at(timeMs),
            attributes: { 'cpu.logical_number': 3, 'cpu.mode': mode },
          }),
        ),
      ];
      ingest(window, 'metrics', metricsRequest(metrics), timeMs);
    };
    send(T0 + 1000, 1);
    send(T0 + 2000, 2);
    const summary = summaryOf(window, T0 + 2000);
    expect(summary.threads.map(({ name, role }) => [name, role])).toEqual([
      ['main', 'main'],
      ['worker-1', 'worker'],
    ]);
    expect(summary.threads[0]).toMatchObject({
      livedS: 2,
      statesS: { running: 1, idle: 1 },
      gc: { count: 2, sumS: expect.closeTo(0.204), atMostS: 0.25 },
    });
    expect(summary.cores).toEqual([{ number: 3, busy: 0.25 }]);
    expect(summary).toMatchObject({
      usedCores: 0.5,
      demand: 1.5,
      drops: [{ kind: 'gc', count: 2 }],
      exits: [{ errorType: 'uncaught', count: 2 }],
    });
  });

  it('knows the locks that were waited for, and who was to blame for the most of it', () => {
    const window = new Window();
    const lock = { 'gridwatch.lock.name': 'orders', 'gridwatch.lock.kind': 'mutex' };
    /* An idle pool waits there for work. */
    const idle = { 'gridwatch.lock.name': 'pool.js:7', 'gridwatch.lock.kind': 'atomics' };
    const blame = (thread: string, site: string): Record<string, string> => ({
      ...lock,
      'thread.name': thread,
      'gridwatch.lock.holder.site': site,
    });
    const metrics = (timeMs: number, factor: number): unknown => {
      const labelled = (attributes: Record<string, string>): PointOptions => ({ startMs: T0, timeMs, attributes });
      return metricsRequest([
        histogram('gridwatch.lock.wait.duration', new Array<number>(3 * factor).fill(1), labelled(lock)),
        histogram('gridwatch.lock.wait.duration', new Array<number>(5 * factor).fill(1), labelled(idle)),
        counter('gridwatch.lock.caused_wait.time', 2 * factor, labelled(blame('worker-1', 'app.js:3'))),
        counter('gridwatch.lock.caused_wait.time', 0.5 * factor, labelled(blame('worker-2', 'unknown'))),
        counter('gridwatch.lock.caused_wait.time', 9 * factor, labelled(blame('_OTHER', 'unknown'))),
      ]);
    };
    ingest(window, 'metrics', metrics(T0 + 1000, 1), T0 + 1000);
    ingest(window, 'metrics', metrics(T0 + 11_000, 3), T0 + 11_000);
    expect(summarise(window, T0 + 1000, T0 + 11_000, 2).locks).toEqual([
      {
        name: 'orders',
        waitS: 6,
        worst: { threadName: 'worker-1', site: { file: 'app.js', line: 3 }, causedS: 4 },
      },
    ]);
  });

  it('takes a series that appears late for one that began after the last collection', () => {
    const window = new Window();
    for (const timeMs of [T0 + 60_000, T0 + 61_000]) {
      const late = timeMs > T0 + 60_000 ? threadStates('late', { running: 0.9 }, at(timeMs)) : [];
      ingest(
        window,
        'metrics',
        metricsRequest([...threadStates('main', { idle: (timeMs - T0) / 1000 }, at(timeMs)), ...late]),
        timeMs,
      );
    }
    const late = summaryOf(window, T0 + 61_000, T0 + 60_000).threads.find(({ name }) => name === 'late');
    expect(late?.statesS.running).toBeCloseTo(0.9);
  });

  it('knows the one program behind the resources of its agent and its own SDK', () => {
    const window = new Window();
    ingest(window, 'metrics', metricsRequest(threadStates('main', { idle: 1 }, at(T0 + 1000))), T0 + 1000);
    const span: SpanOptions = { name: 'GET /', startMs: T0, endMs: T0 + 5, kind: 2 };
    ingest(window, 'traces', spansRequest([span], 'http', { 'service.instance.id': 'one' }), T0 + 1000);
    ingest(window, 'traces', spansRequest([span], 'http', {}), T0 + 1000);
    ingest(window, 'traces', spansRequest([span], 'http', { 'process.pid': 9 }), T0 + 1000);
    expect(window.processes.map(({ pid, serviceName }) => [pid, serviceName])).toEqual([
      [4711, 'shop'],
      [9, ''],
    ]);
  });

  it('calls a process by the name that its requests are answered under', () => {
    const window = new Window();
    const resource = { 'process.pid': 4711, 'service.name': 'package-name' };
    ingest(window, 'metrics', metricsRequest(threadStates('main', { idle: 1 }, at(T0 + 1000)), resource), T0 + 1000);
    const request: SpanOptions = { name: 'GET /', startMs: T0, endMs: T0 + 5, kind: 2 };
    const client: SpanOptions = { ...request, kind: 3 };
    const namesAfter = (span: SpanOptions, name: string): string | undefined => {
      ingest(window, 'traces', spansRequest([span], 'http', { ...resource, 'service.name': name }), T0 + 1000);
      return window.processes[0]?.serviceName;
    };
    expect(namesAfter(client, 'other')).toBe('package-name');
    expect(namesAfter(request, 'unknown_service:node')).toBe('package-name');
    expect(namesAfter(request, 'shop')).toBe('shop');
    expect(namesAfter(client, 'package-name')).toBe('shop');
  });

  it('knows the slowest span that arrived of late, although older ones were slower', () => {
    const window = new Window();
    const old = Array.from({ length: 20 }, (_, i) => ({ name: 'GET /', startMs: T0, endMs: T0 + 1000 + i, kind: 2 }));
    ingest(window, 'traces', spansRequest(old, 'http'), T0 + 2000);
    const late = { name: 'GET /', startMs: T0 + 3000, endMs: T0 + 3007, kind: 2 };
    ingest(window, 'traces', spansRequest([late], 'http'), T0 + 9000);
    expect(summaryOf(window, T0 + 9000, T0 + 6000).slowestNow?.endMs).toBe(T0 + 3007);
    expect(summaryOf(window, T0 + 9000).slowestNow?.endMs).toBe(T0 + 1019);
    window.prune(T0 + 9000 + WINDOW_MS);
    expect(summaryOf(window, T0 + 9000).slowestNow?.endMs).toBe(T0 + 3007);
  });

  it('keeps the slowest of each name, names requests by their route, and leaves out what repeats a log record', () => {
    const window = new Window();
    const spans = Array.from({ length: 30 }, (_, i) => ({
      name: 'GET',
      kind: 2,
      startMs: T0,
      endMs: T0 + i,
      attributes: { 'url.path': `/users/${i}/x`, 'http.route': '/users/:id/x' },
    }));
    ingest(window, 'traces', spansRequest(spans, 'http'), T0 + 100);
    const [group] = summaryOf(window, T0 + 100).spanGroups;
    expect(group).toMatchObject({ name: 'GET /users/:id/x', count: 30 });
    const incident = { name: 'incident gridwatch.thread.failed', startMs: T0, endMs: T0 };
    ingest(window, 'traces', spansRequest([incident], 'gridwatch'), T0 + 100);
    expect(summaryOf(window, T0 + 100).spanGroups).toHaveLength(1);
    expect(group?.slowest).toHaveLength(10);
    expect(group?.slowest[0]?.endMs).toBeCloseTo(T0 + 29);
  });

  it('takes for requests what the application serves and takes from its queues, not what the agent tells of messages', () => {
    const window = new Window();
    const ofKind = (name: string, kind: number): SpanOptions => ({ name, kind, startMs: T0, endMs: T0 + 5 });
    const spans = [ofKind('GET /', 2), ofKind('fetch', 3), ofKind('orders process', 5)];
    ingest(window, 'traces', spansRequest(spans, 'app'), T0 + 100);
    ingest(window, 'traces', spansRequest([ofKind('process worker-1', 5)], 'gridwatch'), T0 + 100);
    const { spanGroups } = summaryOf(window, T0 + 100);
    const requests = spanGroups.filter(({ slowest }) => slowest.some(({ isRequest }) => isRequest));
    expect([spanGroups.length, requests.map(({ name }) => name)]).toEqual([4, ['GET /', 'orders process']]);
    const [main] = window.processes;
    expect(main && window.spans.requests.routesOf(main)).toEqual(['GET /', 'orders process']);
  });

  it('strips control characters from all it keeps', () => {
    const window = new Window();
    const evil = '\x1b]0;owned\x07na\x00me';
    ingest(
      window,
      'metrics',
      metricsRequest(threadStates(evil, { idle: 1 }, at(T0 + 1000)), { 'service.name': evil }),
      T0 + 1000,
    );
    ingest(
      window,
      'traces',
      spansRequest([{ name: evil, startMs: T0, endMs: T0 + 1, attributes: { 'thread.name': evil } }], 'x'),
      T0 + 1000,
    );
    ingest(
      window,
      'logs',
      logsRequest([{ eventName: 'gridwatch.x', body: evil, timeMs: T0, attributes: { 'thread.name': evil } }]),
      T0 + 1000,
    );
    const { threads, spanGroups, events, processes } = summaryOf(window, T0 + 1000);
    expect([
      threads[0]?.name,
      processes[0]?.serviceName,
      spanGroups[0]?.name,
      events[0]?.body,
      events[0]?.threadName,
    ]).toEqual(Array.from({ length: 5 }, () => 'name'));
  });

  it('forgets all that is older than it is long', () => {
    const window = new Window();
    ingest(window, 'metrics', metricsRequest(threadStates('main', { idle: 1 }, at(T0 + 1000))), T0 + 1000);
    ingest(window, 'traces', spansRequest([{ name: 'gc minor', startMs: T0, endMs: T0 + 1 }], 'gridwatch'), T0 + 1000);
    ingest(window, 'logs', logsRequest([{ eventName: 'gridwatch.x', body: '', timeMs: T0 + 1 }]), T0 + 1000);
    window.prune(T0 + 2000 + WINDOW_MS);
    expect(summaryOf(window, T0 + 2000 + WINDOW_MS)).toMatchObject({
      threads: [],
      spanGroups: [],
      pauses: [],
      events: [],
    });
    expect(window.all('gridwatch.thread.state.time')).toEqual([]);
  });

  it('says how late an event loop came, but not for its start', () => {
    const window = new Window();
    const send = (timeMs: number, delayS: number): void => {
      const delay = gauge('nodejs.eventloop.delay.p99', delayS, {
        ...at(timeMs),
        attributes: { 'thread.name': 'main' },
      });
      ingest(
        window,
        'metrics',
        metricsRequest([...threadStates('main', { running: (timeMs - T0) / 1000 }, at(timeMs)), delay]),
        timeMs,
      );
    };
    for (const [second, delayS] of [0.9, 0.1, 0.2, 0.3].entries()) send(T0 + (second + 1) * 1000, delayS);
    expect(summaryOf(window, T0 + 4000).threads[0]?.lateS).toBeCloseTo(0.25, 9);
    expect(summaryOf(window, T0 + 2000).threads[0]?.lateS).toBeCloseTo(0.1, 9);
  });

  it('keeps a deadlock for as long as its threads stand in it, and no longer', () => {
    const window = new Window();
    const standing = (count: number, timeMs: number): void => {
      const attributes = { 'gridwatch.lock.name': 'orders' };
      const metrics = [gauge('gridwatch.deadlock.thread.count', count, { ...at(timeMs), attributes })];
      ingest(window, 'metrics', metricsRequest(metrics), timeMs);
    };
    const told = ['gridwatch.deadlock', 'gridwatch.finding'].map((eventName) => ({ eventName, body: 'a', timeMs: T0 }));
    ingest(window, 'logs', logsRequest(told), T0);
    standing(2, T0);
    const later = T0 + 2 * WINDOW_MS;
    standing(2, later);
    window.prune(later);
    const names = (toMs: number): string[] => summaryOf(window, toMs, toMs - WINDOW_MS).events.map(({ name }) => name);
    expect(names(later)).toEqual(['gridwatch.deadlock']);
    const evenLater = later + 1000;
    standing(0, evenLater);
    expect(names(evenLater)).toEqual([]);
    window.prune(evenLater);
    expect(window.events).toEqual([]);
  });

  it('stays bounded in series and in names of spans, and counts what it leaves out', () => {
    const window = new Window();
    const many = Array.from({ length: 5000 }, (_, i) => threadStates(`t${i}`, { idle: 1 }, at(T0 + 1000))).flat();
    ingest(window, 'metrics', metricsRequest([...many, gauge('my.own.metric', 1, at(T0))]), T0 + 1000);
    const spans = Array.from({ length: 400 }, (_, i) => ({ name: `span${i}`, startMs: T0, endMs: T0 + 1 }));
    ingest(window, 'traces', spansRequest(spans, 'x'), T0 + 1000);
    expect(summaryOf(window, T0 + 1000).unkeptCount).toBe(1000 + 100);
  });

  it('takes a time in the future for now', () => {
    const window = new Window();
    ingest(window, 'metrics', metricsRequest(threadStates('main', { idle: 1 }, at(T0 + 1e9))), T0 + 1000);
    expect(window.processes[0]?.collectedMs).toBe(T0 + 1000);
  });
});
