/** The decoder of OTLP requests: protobuf and JSON say the same, and whatever arrives is decoded or refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOtlp, OtlpDecodeError, type OtlpSignal } from '../../../agent/cli/otlp-decode.ts';
import {
  block,
  double,
  fixed64,
  packedDoubles,
  packedFixed64,
  signed,
  stringAttribute,
  text,
  varint,
  whole,
} from '../../support/protobuf-writer.ts';

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';

const asBytes = (bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const asJson = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** A request in both encodings, wrapped in one resource and one scope. */
function request(signal: OtlpSignal, item: number[], json: unknown): readonly [Uint8Array, Uint8Array] {
  const names = {
    traces: ['resourceSpans', 'scopeSpans', 'spans'],
    metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
    logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  }[signal];
  const [ofResource = '', ofScope = '', items = ''] = names;
  const resource = block(1, block(1, stringAttribute('service.name', 'shop')));
  const scope = block(1, [...text(1, 'gridwatch'), ...text(2, '1.0')]);
  const resourceJson = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const scopeJson = { scope: { name: 'gridwatch', version: '1.0' }, [items]: [json] };
  return [
    asBytes(block(1, [...resource, ...block(2, [...scope, ...block(2, item)])])),
    asJson({ [ofResource]: [{ resource: resourceJson, [ofScope]: [scopeJson] }] }),
  ];
}

function bothDecoded(signal: OtlpSignal, [protobuf, json]: readonly [Uint8Array, Uint8Array]): unknown[] {
  return [decodeOtlp(signal, PROTOBUF, protobuf), decodeOtlp(signal, `${JSON_TYPE}; charset=utf-8`, json)];
}

const unixNs = fc.bigInt({ min: 0n, max: 2n ** 63n });
const count = fc.integer({ min: 0, max: 2 ** 40 });

describe('decodeOtlp', () => {
  it('reads spans alike from protobuf and JSON', () => {
    const span = fc.record({
      id: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      name: fc.string(),
      kind: fc.integer({ min: 0, max: 5 }),
      start: unixNs,
      end: unixNs,
      attribute: fc.string(),
      code: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(span, ({ id, name, kind, start, end, attribute, code }) => {
        const protobuf = [
          ...block(2, id),
          ...text(5, name),
          ...whole(6, BigInt(kind)),
          ...fixed64(7, start),
          ...fixed64(8, end),
          ...block(9, stringAttribute('thread.name', attribute)),
          ...block(15, whole(3, BigInt(code))),
        ];
        const json = {
          spanId: Buffer.from(id).toString('hex').toUpperCase(),
          name,
          kind,
          startTimeUnixNano: String(start),
          endTimeUnixNano: String(end),
          attributes: [{ key: 'thread.name', value: { stringValue: attribute } }],
          status: { code },
        };
        const [a, b] = bothDecoded('traces', request('traces', protobuf, json));
        expect(a).toEqual(b);
        expect(a).toMatchObject({
          spans: [
            {
              name,
              startUnixNs: start,
              attributes: { 'thread.name': attribute },
              resource: { 'service.name': 'shop' },
            },
          ],
        });
      }),
    );
  });

  it('reads sums, histograms and exponential histograms alike from protobuf and JSON', () => {
    // JSON has no negative zero.
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    const counts = fc.array(count, { maxLength: 6 });
    const bounds = fc.array(finite, { maxLength: 6 });
    const offset = fc.integer({ min: -2000, max: 2000 });
    fc.assert(
      fc.property(unixNs, finite, counts, bounds, offset, (timeUnixNs, value, bucketCounts, explicitBounds, scale) => {
        const at = fixed64(3, timeUnixNs);
        const timeUnixNano = String(timeUnixNs);
        const histogram = [
          ...at,
          ...fixed64(4, 7n),
          ...double(5, value),
          ...packedFixed64(6, bucketCounts),
          ...packedDoubles(7, explicitBounds),
        ];
        const exponential = [
          ...fixed64(3, timeUnixNs),
          ...fixed64(4, 7n),
          ...signed(6, scale),
          ...block(8, [
            ...signed(1, scale),
            ...block(
              2,
              bucketCounts.flatMap((n) => varint(BigInt(n))),
            ),
          ]),
        ];
        const strings = bucketCounts.map(String);
        const cases: [number[], unknown][] = [
          [
            block(7, [...block(1, [...at, ...double(4, value)]), ...whole(2, 2n), ...whole(3, 1n)]),
            { sum: { dataPoints: [{ timeUnixNano, asDouble: value }], aggregationTemporality: 2, isMonotonic: true } },
          ],
          [
            block(9, [...block(1, histogram), ...whole(2, 1n)]),
            {
              histogram: {
                dataPoints: [{ timeUnixNano, count: '7', sum: value, bucketCounts: strings, explicitBounds }],
                aggregationTemporality: 1,
              },
            },
          ],
          [
            block(10, block(1, exponential)),
            {
              exponentialHistogram: {
                dataPoints: [{ timeUnixNano, count: '7', scale, positive: { offset: scale, bucketCounts: strings } }],
              },
            },
          ],
        ];
        for (const [protobuf, json] of cases) {
          const named: Record<string, unknown> = { name: 'm', ...(json as object) };
          const [a, b] = bothDecoded('metrics', request('metrics', [...text(1, 'm'), ...protobuf], named));
          expect(a).toEqual(b);
        }
      }),
    );
  });

  it('reads log records alike from protobuf and JSON', () => {
    const protobuf = [
      ...fixed64(1, 5n),
      ...whole(2, 17n),
      ...block(5, text(1, 'it broke')),
      ...text(12, 'gridwatch.thread.failed'),
    ];
    const json = {
      timeUnixNano: '5',
      severityNumber: 17,
      body: { stringValue: 'it broke' },
      eventName: 'gridwatch.thread.failed',
    };
    const [a, b] = bothDecoded('logs', request('logs', protobuf, json));
    expect(a).toEqual(b);
    expect(a).toMatchObject({ logs: [{ body: 'it broke', eventName: 'gridwatch.thread.failed', severityNumber: 17 }] });
  });

  it('takes an empty request', () => {
    expect(decodeOtlp('traces', PROTOBUF, new Uint8Array())).toEqual({ spans: [], metrics: [], logs: [] });
  });
});

describe('decodeOtlp, given anything', () => {
  const signals: readonly OtlpSignal[] = ['traces', 'metrics', 'logs'];

  function decodesOrRefuses(signal: OtlpSignal, contentType: string, body: Uint8Array): void {
    try {
      decodeOtlp(signal, contentType, body);
    } catch (error) {
      expect(error).toBeInstanceOf(OtlpDecodeError);
    }
  }

  it('decodes or refuses any bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...signals), fc.uint8Array({ maxLength: 200 }), (signal, body) => {
        decodesOrRefuses(signal, PROTOBUF, body);
        decodesOrRefuses(signal, JSON_TYPE, body);
      }),
      { numRuns: 2000 },
    );
  });

  it('decodes or refuses a request with a byte changed, or its end cut off', () => {
    const item = [
      ...text(1, 'm'),
      ...block(9, [...block(1, [...fixed64(3, 9n), ...packedFixed64(6, [1, 2]), ...packedDoubles(7, [0.5])])]),
    ];
    const [valid] = request('metrics', item, {});
    const at = fc.integer({ min: 0, max: valid.length - 1 });
    fc.assert(
      fc.property(at, fc.integer({ min: 0, max: 255 }), fc.boolean(), (place, byte, isCut) => {
        const changed = Uint8Array.from(valid);
        changed[place] = byte;
        decodesOrRefuses('metrics', PROTOBUF, isCut ? valid.subarray(0, place) : changed);
      }),
      { numRuns: 2000 },
    );
  });

  it('decodes or refuses any JSON', () => {
    const key = fc.constantFrom(
      'resourceSpans',
      'scopeSpans',
      'spans',
      'resource',
      'attributes',
      'key',
      'value',
      'arrayValue',
      'values',
      'kind',
      'startTimeUnixNano',
      '__proto__',
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.jsonValue(),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => decodesOrRefuses('traces', JSON_TYPE, asJson(value))),
      { numRuns: 400 },
    );
  });

  it('refuses a length beyond the end, an endless varint, and deep nesting', () => {
    const refuses = (bytes: number[]): void => {
      expect(() => decodeOtlp('traces', PROTOBUF, asBytes(bytes))).toThrow(OtlpDecodeError);
    };
    refuses([0x0a, 0x7f, 0x00]);
    refuses([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let value = text(1, 'x');
    for (let depth = 0; depth < 40; depth++) value = block(5, block(1, value));
    refuses(block(1, block(1, block(1, [...text(1, 'k'), ...block(2, value)]))));
    const deep = `${'{"arrayValue":{"values":['.repeat(5000)}${']}}'.repeat(5000)}`;
    const json = `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${deep}}]}}]}`;
    expect(() => decodeOtlp('traces', JSON_TYPE, Buffer.from(json))).toThrow(OtlpDecodeError);
  });

  it('refuses more values than any program sends, before they fill the memory', () => {
    const many = new Uint8Array(4_000_002).fill(0);
    for (let at = 0; at < many.length; at += 2) many[at] = 0x0a;
    expect(() => decodeOtlp('traces', PROTOBUF, many)).toThrow(/more than 1000000 values/);
    expect(() => decodeOtlp('traces', JSON_TYPE, Buffer.from(`[${'{},'.repeat(1_500_000)}{}]`))).toThrow(
      /more than 2000000 values/,
    );
  });

  it('refuses an integer of any length at once', () => {
    const json = { resourceSpans: [{ scopeSpans: [{ spans: [{ startTimeUnixNano: '9'.repeat(2_000_000) }] }] }] };
    expect(() => decodeOtlp('traces', JSON_TYPE, asJson(json))).toThrow(OtlpDecodeError);
  });
});
