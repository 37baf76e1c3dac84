/** One line of export: what each kind of answer leads to. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ExportLine, type SendResult } from '../../../../agent/agent-thread/telemetry/export-line.ts';
import { Outages } from '../../../../agent/agent-thread/telemetry/outages.ts';
import { Spool } from '../../../../agent/agent-thread/telemetry/spool.ts';
import { FakeDiag } from './fake-diag.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const TAKEN: SendResult = { status: 'success' };
const UNREACHABLE: SendResult = { status: 'retryable', error: failure('connect ECONNREFUSED', 'ECONNREFUSED') };

function failure(message: string, code: unknown): Error & { code: unknown } {
  return Object.assign(new Error(message), { code });
}

function setUp(answers: (SendResult | Promise<SendResult>)[] = []) {
  const sent: number[] = [];
  const drops: [string, number][] = [];
  const failures: string[] = [];
  const diag = new FakeDiag();
  const nowMs = (): number => Date.now();
  const spool = new Spool(() => {});
  const line = new ExportLine({
    signal: 'traces',
    endpoint: 'http://collector:4318',
    queue: spool.openQueue(),
    outages: new Outages(diag, nowMs),
    diag,
    send: (body) => {
      sent.push(body[0] as number);
      return Promise.resolve(answers.shift() ?? TAKEN);
    },
    rejectedIn: () => ({ records: 3, message: 'too old' }),
    countDrop: (kind, records) => drops.push([kind, records]),
    countFailure: (signal) => failures.push(signal),
    nowMs,
  });
  /** Adds a request that can be told by its number, with ten records. */
  const add = (id: number, isReplaceable = false): void => line.add(Uint8Array.of(id), 10, isReplaceable);
  return { line, add, sent, drops, failures, diag, spool };
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('an endpoint that answers', () => {
  test('gets the requests in order, one at a time', async () => {
    let answer: (result: SendResult) => void = () => {};
    const { add, sent, spool } = setUp([new Promise((resolve) => (answer = resolve))]);
    add(1);
    add(2);
    await settle();
    expect(sent).toEqual([1]);
    answer(TAKEN);
    await settle();
    expect(sent).toEqual([1, 2]);
    expect(spool.sizeBytes).toBe(0);
  });

  test('what it says it has left out is counted', async () => {
    const { add, drops, diag } = setUp([{ status: 'success', data: Uint8Array.of(1) }]);
    add(1);
    await settle();
    expect(drops).toEqual([['span', 3]]);
    expect(diag.lines).toEqual(['warn http://collector:4318 left out some traces: too old']);
  });

  test('a kept connection it had closed is opened again, and nobody hears of it', async () => {
    const { add, sent, failures } = setUp([{ status: 'retryable', error: failure('socket hang up', 'ECONNRESET') }]);
    add(1);
    await settle();
    expect(sent).toEqual([1, 1]);
    expect(failures).toEqual([]);
  });
});

describe('an endpoint that does not take the signal', () => {
  const refusals: [string, unknown][] = [
    ['HTTP 404', 404],
    ['HTTP 405', 405],
    ['HTTP 501', 501],
    ['UNIMPLEMENTED', 12],
  ];
  test.each(refusals)('%s: is not asked for ten minutes, which is no failure', async (_name, code) => {
    const { line, add, sent, failures, drops, diag, spool } = setUp([
      { status: 'failure', error: failure('no', code) },
    ]);
    add(1);
    add(2);
    await settle();
    expect(sent).toEqual([1]);
    expect(spool.sizeBytes).toBe(0);
    expect(line.isClosedTo(false)).toBe(true);
    expect([failures, drops]).toEqual([[], []]);
    expect(diag.lines).toHaveLength(1);
    expect(diag.lines[0]).toMatch(/^info http:\/\/collector:4318 does not take traces/);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(line.isClosedTo(false)).toBe(false);
  });
});

describe('an endpoint that rejects a request', () => {
  test.each([400, 401, 413, 500, 3, 16])('with %i: it is dropped, counted, and not sent again', async (code) => {
    const { add, sent, failures, drops, diag } = setUp([{ status: 'failure', error: failure('no', code) }]);
    add(1);
    add(2);
    await settle();
    expect(sent).toEqual([1, 2]);
    expect(failures).toEqual(['traces']);
    expect(drops).toEqual([['span', 10]]);
    expect(diag.lines[0]).toContain('cannot deliver traces to http://collector:4318');
  });
});

describe('an endpoint that is not reached', () => {
  test('gets everything later, in order, with growing pauses', async () => {
    const { add, sent, failures, drops } = setUp([UNREACHABLE, UNREACHABLE]);
    add(1);
    await settle();
    add(2);
    await vi.advanceTimersByTimeAsync(700);
    expect(sent).toEqual([1]);
    await vi.advanceTimersByTimeAsync(500); // 1 s and a fifth at most
    expect(sent).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1100); // the earliest: 0.8 s and then 1.6 s
    expect(sent).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1400); // the latest: 1.2 s and then 2.4 s
    expect(sent).toEqual([1, 1, 1, 2]);
    expect(failures).toEqual(['traces', 'traces']);
    expect(drops).toEqual([]);
  });

  test('says when it wants to be asked again', async () => {
    const { add, sent } = setUp([{ status: 'retryable', retryInMillis: 20_000 }]);
    add(1);
    await vi.advanceTimersByTimeAsync(19_000);
    expect(sent).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent).toEqual([1, 1]);
  });

  test.each([14, 4, 8])('gRPC status %i is such an endpoint', async (code) => {
    const { add, drops, spool } = setUp([{ status: 'failure', error: failure('no', code) }]);
    add(1);
    await settle();
    expect(drops).toEqual([]);
    expect(spool.sizeBytes).toBe(1);
  });

  test('a transport that throws is one', async () => {
    const { add, spool, failures } = setUp([Promise.reject(new TypeError('bad header'))]);
    add(1);
    await settle();
    expect(failures).toEqual(['traces']);
    expect(spool.sizeBytes).toBe(1);
  });

  test('is one line on stderr, and one when it is back', async () => {
    const { add, diag } = setUp(Array.from({ length: 5 }, () => UNREACHABLE));
    for (let id = 0; id < 20; id++) {
      add(id);
      await vi.advanceTimersByTimeAsync(2000);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(diag.lines[0]).toBe('warn cannot deliver traces to http://collector:4318: connect ECONNREFUSED');
    expect(diag.lines[1]).toMatch(/^info http:\/\/collector:4318 takes what it is sent again, after \d+ s$/);
    expect(diag.lines).toHaveLength(2);
  });

  test('cumulative metrics do not wait for it: the next ones say more', async () => {
    const { add, line, spool } = setUp([UNREACHABLE]);
    add(1, true);
    await settle();
    expect(spool.sizeBytes).toBe(0);
    expect(line.isClosedTo(true)).toBe(true);
    expect(line.isClosedTo(false)).toBe(false);
  });
});

describe('a flush', () => {
  test('waits until all has been sent', async () => {
    const { add, line, sent } = setUp();
    add(1);
    add(2);
    await line.flush();
    expect(sent).toEqual([1, 2]);
  });

  test('does not wait for the end of a pause', async () => {
    const { add, line, sent, spool } = setUp([UNREACHABLE]);
    add(1);
    await settle();
    await line.flush();
    expect(sent).toEqual([1, 1]);
    expect(spool.sizeBytes).toBe(0);
  });

  test('tries once, and ends when it fails', async () => {
    const { add, line, sent, spool } = setUp([UNREACHABLE, UNREACHABLE]);
    add(1);
    add(2);
    await settle();
    await line.flush();
    expect(sent).toEqual([1, 1]);
    expect(spool.sizeBytes).toBe(2);
  });

  test('sends what comes after the pause was ended', async () => {
    const { add, line, sent } = setUp([UNREACHABLE]);
    add(1, true);
    await settle();
    line.endPause();
    add(2, true);
    await line.flush();
    expect(sent).toEqual([1, 2]);
  });
});
