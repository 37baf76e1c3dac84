/** The receiver of `--ui`, spoken to over a real socket as a program, a web page or a broken sender would. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OtlpBatch } from '../../../../agent/cli/otlp-decode.ts';
import { isLoopbackHost, type ReceivedBody, type Receiver, startReceiver } from '../../../../agent/cli/ui/receiver.ts';
import { spansRequest } from '../../../support/otlp-payloads.ts';

const ONE_SPAN = Buffer.from(JSON.stringify(spansRequest([{ name: 'GET /', startMs: 1, endMs: 2 }], 'http')));
const JSON_TYPE = { 'content-type': 'application/json' };

let receiver: Receiver;
let received: { batch: OtlpBatch; body: ReceivedBody }[];

beforeEach(async () => {
  received = [];
  receiver = await startReceiver({ onReceived: (batch, body) => void received.push({ batch, body }) });
});

afterEach(async () => receiver.close());

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

async function send(path: string, headers: Record<string, string>, body: Uint8Array, method = 'POST'): Promise<Answer> {
  const outgoing = request(`${receiver.url}${path}`, { method, headers, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text, headers: response.headers };
}

describe('the receiver', () => {
  it('listens on the loopback address only', () => {
    expect(receiver.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('decodes what a program sends, and hands the body on as it came', async () => {
    const answer = await send('/v1/traces', JSON_TYPE, ONE_SPAN);
    expect(answer).toMatchObject({ status: 200, text: '{}' });
    expect(received).toMatchObject([
      { batch: { spans: [{ name: 'GET /' }] }, body: { signal: 'traces', bytes: ONE_SPAN } },
    ]);
  });

  it('unpacks gzip, and hands the body on packed', async () => {
    const packed = gzipSync(ONE_SPAN);
    await send('/v1/traces', { ...JSON_TYPE, 'content-encoding': 'gzip' }, packed);
    expect(received).toMatchObject([
      { batch: { spans: [{ name: 'GET /' }] }, body: { bytes: packed, contentEncoding: 'gzip' } },
    ]);
  });

  it('answers protobuf with protobuf', async () => {
    const answer = await send('/v1/metrics', { 'content-type': 'application/x-protobuf' }, new Uint8Array());
    expect(answer).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'application/x-protobuf' } });
  });

  it.each([
    ['a foreign Host', '/v1/traces', { ...JSON_TYPE, host: 'attacker.example' }, ONE_SPAN, 'POST', 403],
    ['another path', '/', JSON_TYPE, ONE_SPAN, 'POST', 404],
    ['another method', '/v1/traces', JSON_TYPE, new Uint8Array(), 'GET', 405],
    [
      'a web page asking for permission',
      '/v1/traces',
      { origin: 'https://attacker.example' },
      new Uint8Array(),
      'OPTIONS',
      405,
    ],
    ['a form of a web page', '/v1/traces', { 'content-type': 'text/plain' }, ONE_SPAN, 'POST', 415],
    ['an unknown encoding', '/v1/traces', { ...JSON_TYPE, 'content-encoding': 'br' }, ONE_SPAN, 'POST', 415],
    [
      'a body that is not OTLP',
      '/v1/traces',
      { 'content-type': 'application/x-protobuf' },
      Buffer.from([0x0a, 0x7f]),
      'POST',
      400,
    ],
    ['a body that is not gzip', '/v1/traces', { ...JSON_TYPE, 'content-encoding': 'gzip' }, ONE_SPAN, 'POST', 400],
    ['17 MiB', '/v1/traces', JSON_TYPE, Buffer.alloc(17 * 2 ** 20, ' '), 'POST', 413],
    [
      '17 MiB without a length',
      '/v1/traces',
      { ...JSON_TYPE, 'transfer-encoding': 'chunked' },
      Buffer.alloc(17 * 2 ** 20, ' '),
      'POST',
      413,
    ],
    [
      '17 MiB unpacked',
      '/v1/traces',
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
      gzipSync(Buffer.alloc(17 * 2 ** 20)),
      'POST',
      413,
    ],
  ])('refuses %s', async (_what, path, headers, body, method, status) => {
    const answer = await send(path, headers, body, method);
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(received).toEqual([]);
    expect(receiver.refusedCount).toBe(1);
  });

  it('survives a sender that goes away in the middle', async () => {
    const outgoing = request(`${receiver.url}/v1/traces`, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'content-length': '1000' },
    });
    outgoing.on('error', () => {});
    outgoing.write('{');
    await once(outgoing, 'socket');
    outgoing.destroy();
    expect(await send('/v1/traces', JSON_TYPE, ONE_SPAN)).toMatchObject({ status: 200 });
  });
});

describe('isLoopbackHost', () => {
  it.each(['localhost', 'LOCALHOST:80', '127.0.0.1', '127.9.9.9:4318', '[::1]', '[::1]:4318'])('takes %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    undefined,
    '',
    'localhost.attacker.example',
    '127.0.0.1.attacker.example',
    '10.0.0.1',
    '[::2]:80',
    'localhost:80:80',
    'a@localhost',
    '127.0.0.1 ',
    '0.0.0.0',
  ])('refuses %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});
