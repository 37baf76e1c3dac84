/** The tests' own receiver: what it hears, how it answers, and that it says what it waited for. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { OtlpReceiver } from './otlp-receiver.ts';

const SPAN = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  name: 'GET /',
  startTimeUnixNano: '5',
  endTimeUnixNano: '9',
};
const BODY = JSON.stringify({
  resourceSpans: [{ resource: {}, scopeSpans: [{ scope: { name: 'test' }, spans: [SPAN] }] }],
});

const post = (
  receiver: OtlpReceiver,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${receiver.url}/v1/traces`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', Connection: 'close', ...headers },
  });

describe('the receiver', () => {
  test('decodes, compressed or not, and remembers how it was sent', async () => {
    await using receiver = await OtlpReceiver.start();
    await post(receiver, BODY, { 'api-key': 'secret' });
    await post(receiver, new Uint8Array(gzipSync(BODY)), { 'Content-Encoding': 'gzip' });
    expect(receiver.spans.map(({ name, durationNs }) => [name, durationNs])).toEqual([
      ['GET /', 4],
      ['GET /', 4],
    ]);
    expect(receiver.requests[0]).toMatchObject({
      signal: 'traces',
      protocol: 'http',
      headers: { 'api-key': 'secret' },
    });
  });

  test('answers as it is told, and keeps nothing of what it did not take', async () => {
    await using receiver = await OtlpReceiver.start();
    receiver.answers.traces = { status: 503, retryAfterS: 7 };
    const refused = await post(receiver, BODY);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7']);
    expect(receiver.spans).toEqual([]);
    receiver.answers.traces = { partialSuccess: { rejected: 1, message: 'too old' } };
    const partial = await post(receiver, BODY);
    expect(await partial.json()).toEqual({ partialSuccess: { rejectedSpans: '1', errorMessage: 'too old' } });
  });

  test('remembers what it could not decode', async () => {
    await using receiver = await OtlpReceiver.start();
    await post(receiver, '{"resourceSpans": 7}');
    expect(receiver.errors).toHaveLength(1);
  });

  test('knows paths that no signal has', async () => {
    await using receiver = await OtlpReceiver.start();
    const response = await fetch(`${receiver.url}/v1/profiles`, { method: 'POST', headers: { Connection: 'close' } });
    expect(response.status).toBe(404);
  });

  test('waits until something arrives, or says what has', async () => {
    await using receiver = await OtlpReceiver.start();
    const waiting = receiver.waitFor('a span', ({ spans }) => spans[0]);
    await post(receiver, BODY);
    expect((await waiting).name).toBe('GET /');
    await expect(receiver.waitFor('a log record', ({ logs }) => logs[0], 1)).rejects.toThrow(
      /waited 1 ms for a log record; requests: http traces; spans: GET \/; metrics: none; logs: none/,
    );
  });
});
