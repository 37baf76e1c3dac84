/** Queues as they arrive and as the view shows them. */
import { describe, expect, it } from 'vitest';
import { decodeOtlp } from '../../../../agent/cli/otlp-decode.ts';
import { queueLines } from '../../../../agent/cli/ui/queue-lines.ts';
import { type QueueSummary, queuesOf } from '../../../../agent/cli/ui/queue-summary.ts';
import { Window } from '../../../../agent/cli/ui/window/window.ts';
import { counter, gauge, histogram, metricsRequest } from '../../../support/otlp-payloads.ts';

const T0 = 1_800_000_000_000;
const POOL = { 'gridwatch.queue.name': 'piscina@work.js', 'gridwatch.queue.kind': 'pool' };
const PORT = {
  'gridwatch.queue.name': 'worker-1',
  'gridwatch.queue.kind': 'message_port',
  'gridwatch.queue.direction': 'to_worker',
};
/** Of which no arrivals are known. */
const LIBUV = { 'gridwatch.queue.name': 'libuv', 'gridwatch.queue.kind': 'libuv' };
const BACK = { ...PORT, 'gridwatch.queue.direction': 'to_parent' };
const LOOK = { columns: 100, rows: 30, hasColor: false, hasUnicode: true };

function windowAfter(seconds: number): Window {
  const window = new Window();
  for (let second = 0; second <= seconds; second++) {
    const timeMs = T0 + second * 1000;
    const at = (attributes: Readonly<Record<string, string>>): Parameters<typeof gauge>[2] => ({
      startMs: T0,
      timeMs,
      attributes,
    });
    const state = (name: string): Readonly<Record<string, string>> => ({
      ...POOL,
      'gridwatch.pool.thread.state': name,
    });
    const metrics = [
      counter('gridwatch.queue.arrivals', 10 * second, at(POOL)),
      counter('gridwatch.queue.completions', 6 * second, at(POOL)),
      counter('gridwatch.queue.aborts', second, at(POOL)),
      counter('gridwatch.queue.rejections', 2 * second, at(POOL)),
      gauge('gridwatch.queue.size', 3 * second, at(POOL)),
      gauge('gridwatch.queue.oldest_item.age', 0.5 * second, at(POOL)),
      gauge('gridwatch.pool.thread.count', 3, at(state('active'))),
      gauge('gridwatch.pool.thread.count', 1, at(state('idle'))),
      gauge('gridwatch.pool.thread.limit', 8, at(POOL)),
      gauge('gridwatch.pool.utilization', 0.75, at(POOL)),
      histogram(
        'gridwatch.queue.wait.duration',
        Array.from({ length: 6 * second }, () => 0.04),
        at(POOL),
      ),
      histogram(
        'gridwatch.queue.service.duration',
        Array.from({ length: 6 * second }, () => 0.2),
        at(POOL),
      ),
      counter('gridwatch.queue.arrivals', 5 * second, at(PORT)),
      counter('gridwatch.queue.completions', 5 * second, at(PORT)),
      histogram(
        'gridwatch.message.serialize.duration',
        Array.from({ length: 5 * second }, () => 0.003),
        at(PORT),
      ),
      counter('gridwatch.queue.arrivals', 0, at(BACK)),
      gauge('gridwatch.pool.utilization', 0.5, at(LIBUV)),
      histogram(
        'gridwatch.queue.wait.duration',
        Array.from({ length: second }, () => 0.1),
        at(LIBUV),
      ),
    ];
    window.ingest(
      decodeOtlp('metrics', 'application/json', Buffer.from(JSON.stringify(metricsRequest(metrics)))),
      timeMs,
    );
  }
  return window;
}

describe('the queues of a stretch', () => {
  const [pool, libuv, port, ...others] = queuesOf(windowAfter(40), T0, T0 + 40_000) as [
    QueueSummary,
    QueueSummary,
    QueueSummary,
  ];

  it('are those that were used, the one whose items waited longest first', () => {
    expect([pool, libuv, port].map(({ name, kind, direction }) => [name, kind, direction])).toEqual([
      ['piscina@work.js', 'pool', ''],
      ['libuv', 'libuv', ''],
      ['worker-1', 'message_port', 'to_worker'],
    ]);
    expect(others).toEqual([]);
  });

  it('have their counts, what is in them now, and what grew in each quarter', () => {
    expect(pool).toMatchObject({ arrivals: 400, completions: 240, rejections: 80, size: 120, oldestS: 20 });
    for (const grown of pool.growth) expect(grown).toBeCloseTo(30);
    expect(port).toMatchObject({ arrivals: 200, completions: 200, growth: [0, 0, 0, 0], size: 0, oldestS: 0 });
  });

  it('have their waits, services and what writing took', () => {
    expect(pool.waits.count).toBe(240);
    expect(pool.waits.sumS).toBeCloseTo(9.6);
    expect(pool.services.sumS).toBeCloseTo(48);
    expect(port.serialises.count).toBe(200);
    expect(port.waits).toEqual({ count: 0, sumS: 0, atMostS: 0 });
  });

  it('have workers if they are pools', () => {
    expect(pool.pool).toEqual({ threads: 4, limit: 8, utilization: 0.75 });
    expect(port.pool).toBeUndefined();
  });

  it('are shown with what waits, how long, and how busy they are', () => {
    expect(queueLines([pool, libuv, port], LOOK).map((line) => line.trimEnd())).toEqual([
      '',
      'QUEUES',
      'piscina@work.js                120 waiting (20 s), waits 40 ms each, busy 75 %',
      'libuv                          waits 100 ms each, busy 50 %',
      'to worker-1                    0 waiting',
    ]);
    expect(queueLines([pool, pool, pool, port], LOOK)[1]).toBe('QUEUES  (3 of 4)');
  });

  it('keep the file of a long name', () => {
    const shown = (name: string): string | undefined =>
      queueLines([{ ...port, name, direction: '' }], LOOK)[2]?.slice(0, 31);
    expect(shown('piscina@examples/pool-starvation/layout.js')).toBe('piscina@…/layout.js            ');
    expect(shown('MessageChannel@examples/a/b/main.js:43')).toBe('MessageChannel@…/b/main.js:43  ');
    expect(shown('MessageChannel@a-file-with-a-very-long-name.js:43')).toBe('MessageChannel@a-file-with-a-… ');
    expect(shown('BroadcastChannel@a-name-of-its-own-that-is-long')).toBe('BroadcastChannel@a-name-of-it… ');
  });

  it('are not shown where there is no room for them', () => {
    expect(queueLines([pool], { ...LOOK, rows: 23 })).toEqual([]);
    expect(queueLines([], LOOK)).toEqual([]);
  });
});
