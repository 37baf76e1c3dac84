/**
 * Reads OTLP protobuf requests into the object form that OTLP/JSON has, so that one decoder serves both encodings. Runs in the process of
 * `gridwatch run --ui` and in the tests' receiver, never inside an observed program. It must never trust its input: lengths and depths are
 * checked, and anything malformed throws `OtlpDecodeError` instead of being guessed at. It must not depend on the SDK it is used to check.
 *
 * The tables below hold the fields this product reads; unknown fields are skipped, as protobuf demands. Field numbers:
 * https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto
 */

/** A request that is not valid OTLP. The receiver answers it with HTTP status 400. */
export class OtlpDecodeError extends Error {
  override readonly name = 'OtlpDecodeError';
}

/** An OTLP message in its JSON form: lowerCamelCase keys, ids in hex, 64-bit integers as bigint. */
export type OtlpMessage = { [field: string]: unknown };

type Scalar = 'string' | 'hex' | 'bytes' | 'bool' | 'varint' | 'sint' | 'fixed64' | 'sfixed64' | 'double';
type FieldType = Scalar | (() => Schema);
type Field = readonly [name: string, type: FieldType, repeated?: 'repeated'];
type Schema = { readonly [fieldNumber: number]: Field };

const many = 'repeated';

const anyValue: Schema = {
  1: ['stringValue', 'string'],
  2: ['boolValue', 'bool'],
  3: ['intValue', 'varint'],
  4: ['doubleValue', 'double'],
  5: ['arrayValue', () => anyValues],
  6: ['kvlistValue', () => keyValues],
  7: ['bytesValue', 'bytes'],
};
const keyValue: Schema = { 1: ['key', 'string'], 2: ['value', () => anyValue] };
const anyValues: Schema = { 1: ['values', () => anyValue, many] };
const keyValues: Schema = { 1: ['values', () => keyValue, many] };
const resource: Schema = { 1: ['attributes', () => keyValue, many] };
const scope: Schema = { 1: ['name', 'string'], 2: ['version', 'string'], 3: ['attributes', () => keyValue, many] };

const spanEvent: Schema = {
  1: ['timeUnixNano', 'fixed64'],
  2: ['name', 'string'],
  3: ['attributes', () => keyValue, many],
};
const spanLink: Schema = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'string'],
  4: ['attributes', () => keyValue, many],
};
const spanStatus: Schema = { 2: ['message', 'string'], 3: ['code', 'varint'] };
const span: Schema = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'string'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'string'],
  6: ['kind', 'varint'],
  7: ['startTimeUnixNano', 'fixed64'],
  8: ['endTimeUnixNano', 'fixed64'],
  9: ['attributes', () => keyValue, many],
  11: ['events', () => spanEvent, many],
  13: ['links', () => spanLink, many],
  15: ['status', () => spanStatus],
};

const logRecord: Schema = {
  1: ['timeUnixNano', 'fixed64'],
  2: ['severityNumber', 'varint'],
  3: ['severityText', 'string'],
  5: ['body', () => anyValue],
  6: ['attributes', () => keyValue, many],
  9: ['traceId', 'hex'],
  10: ['spanId', 'hex'],
  11: ['observedTimeUnixNano', 'fixed64'],
  12: ['eventName', 'string'],
};

const numberPoint: Schema = {
  2: ['startTimeUnixNano', 'fixed64'],
  3: ['timeUnixNano', 'fixed64'],
  4: ['asDouble', 'double'],
  6: ['asInt', 'sfixed64'],
  7: ['attributes', () => keyValue, many],
};
const histogramPoint: Schema = {
  2: ['startTimeUnixNano', 'fixed64'],
  3: ['timeUnixNano', 'fixed64'],
  4: ['count', 'fixed64'],
  5: ['sum', 'double'],
  6: ['bucketCounts', 'fixed64', many],
  7: ['explicitBounds', 'double', many],
  9: ['attributes', () => keyValue, many],
  11: ['min', 'double'],
  12: ['max', 'double'],
};
const buckets: Schema = { 1: ['offset', 'sint'], 2: ['bucketCounts', 'varint', many] };
const exponentialPoint: Schema = {
  1: ['attributes', () => keyValue, many],
  2: ['startTimeUnixNano', 'fixed64'],
  3: ['timeUnixNano', 'fixed64'],
  4: ['count', 'fixed64'],
  5: ['sum', 'double'],
  6: ['scale', 'sint'],
  7: ['zeroCount', 'fixed64'],
  8: ['positive', () => buckets],
  9: ['negative', () => buckets],
  12: ['min', 'double'],
  13: ['max', 'double'],
};
const gauge: Schema = { 1: ['dataPoints', () => numberPoint, many] };
const sum: Schema = {
  1: ['dataPoints', () => numberPoint, many],
  2: ['aggregationTemporality', 'varint'],
  3: ['isMonotonic', 'bool'],
};
const histogram: Schema = { 1: ['dataPoints', () => histogramPoint, many], 2: ['aggregationTemporality', 'varint'] };
const exponentialHistogram: Schema = {
  1: ['dataPoints', () => exponentialPoint, many],
  2: ['aggregationTemporality', 'varint'],
};
const metric: Schema = {
  1: ['name', 'string'],
  2: ['description', 'string'],
  3: ['unit', 'string'],
  5: ['gauge', () => gauge],
  7: ['sum', () => sum],
  9: ['histogram', () => histogram],
  10: ['exponentialHistogram', () => exponentialHistogram],
};

const scopeSpans: Schema = { 1: ['scope', () => scope], 2: ['spans', () => span, many] };
const scopeMetrics: Schema = { 1: ['scope', () => scope], 2: ['metrics', () => metric, many] };
const scopeLogs: Schema = { 1: ['scope', () => scope], 2: ['logRecords', () => logRecord, many] };
const resourceSpans: Schema = { 1: ['resource', () => resource], 2: ['scopeSpans', () => scopeSpans, many] };
const resourceMetrics: Schema = { 1: ['resource', () => resource], 2: ['scopeMetrics', () => scopeMetrics, many] };
const resourceLogs: Schema = { 1: ['resource', () => resource], 2: ['scopeLogs', () => scopeLogs, many] };

const requests: { readonly [signal in 'traces' | 'metrics' | 'logs']: Schema } = {
  traces: { 1: ['resourceSpans', () => resourceSpans, many] },
  metrics: { 1: ['resourceMetrics', () => resourceMetrics, many] },
  logs: { 1: ['resourceLogs', () => resourceLogs, many] },
};

/** Attribute values may nest; nobody sends more than a few levels, an attacker would send thousands. */
const maxDepth = 32;

/** Values in one request: two bytes on the wire can become an object of some hundred bytes in memory. */
const maxValues = 1_000_000;

/** What all readers of one request share. */
interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  valuesLeft: number;
}

class WireReader {
  readonly #source: Source;
  readonly #end: number;
  #at: number;

  constructor(source: Source, at: number, end: number) {
    this.#source = source;
    this.#at = at;
    this.#end = end;
  }

  static of(bytes: Uint8Array): WireReader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new WireReader({ bytes, view, valuesLeft: maxValues }, 0, bytes.length);
  }

  /** Called for each value that is kept or skipped. */
  countValue(): void {
    if (--this.#source.valuesLeft < 0) throw new OtlpDecodeError(`the request has more than ${maxValues} values`);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#source.bytes[this.#take(1)] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new OtlpDecodeError('a varint is longer than ten bytes');
  }

  /** A tag or a length: a varint that fits 32 bits, without the cost of a bigint. */
  size(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#source.bytes[this.#take(1)] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new OtlpDecodeError('a tag or length is longer than five bytes');
  }

  slice(): WireReader {
    const length = this.size();
    const at = this.#take(length);
    return new WireReader(this.#source, at, at + length);
  }

  rest(): Uint8Array {
    return this.#source.bytes.subarray(this.#at, this.#end);
  }

  scalar(type: Scalar): unknown {
    switch (type) {
      case 'string':
        return Buffer.from(this.slice().rest()).toString('utf8');
      case 'hex':
        return Buffer.from(this.slice().rest()).toString('hex');
      case 'bytes':
        return Buffer.from(this.slice().rest()).toString('base64');
      case 'bool':
        return this.varint() !== 0n;
      case 'varint':
        return BigInt.asIntN(64, this.varint());
      case 'sint': {
        const value = this.varint();
        return (value >> 1n) ^ -(value & 1n);
      }
      case 'fixed64':
        return this.#source.view.getBigUint64(this.#take(8), true);
      case 'sfixed64':
        return this.#source.view.getBigInt64(this.#take(8), true);
      case 'double':
        return this.#source.view.getFloat64(this.#take(8), true);
    }
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.slice();
    else if (wireType === 5) this.#take(4);
    else throw new OtlpDecodeError(`wire type ${wireType} is not used by OTLP`);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new OtlpDecodeError('the message ends in the middle of a field');
    this.#at = at + length;
    return at;
  }
}

const wireTypes: { readonly [type in Scalar]: number } = {
  string: 2,
  hex: 2,
  bytes: 2,
  bool: 0,
  varint: 0,
  sint: 0,
  fixed64: 1,
  sfixed64: 1,
  double: 1,
};

function readMessage(reader: WireReader, schema: Schema, depth: number): OtlpMessage {
  if (depth > maxDepth) throw new OtlpDecodeError(`messages are nested deeper than ${maxDepth} levels`);
  const message: OtlpMessage = {};
  while (!reader.isAtEnd) {
    reader.countValue();
    const tag = reader.size();
    const wireType = tag % 8;
    const field = schema[Math.floor(tag / 8)];
    if (field === undefined) {
      reader.skip(wireType);
      continue;
    }
    const [name, type, repeated] = field;
    const list = repeated === undefined ? undefined : ((message[name] ??= []) as unknown[]);
    if (typeof type === 'function') {
      if (wireType !== 2) throw new OtlpDecodeError(`field ${name} has wire type ${wireType}`);
      const value = readMessage(reader.slice(), type(), depth + 1);
      if (list) list.push(value);
      else message[name] = value;
    } else if (list && wireType === 2 && wireTypes[type] !== 2) {
      const packed = reader.slice();
      for (; !packed.isAtEnd; packed.countValue()) list.push(packed.scalar(type));
    } else {
      if (wireType !== wireTypes[type]) throw new OtlpDecodeError(`field ${name} has wire type ${wireType}`);
      const value = reader.scalar(type);
      if (list) list.push(value);
      else message[name] = value;
    }
  }
  return message;
}

/** The OTLP/JSON form of one protobuf export request. */
export function readOtlpProtobuf(signal: 'traces' | 'metrics' | 'logs', body: Uint8Array): OtlpMessage {
  return readMessage(WireReader.of(body), requests[signal], 0);
}
