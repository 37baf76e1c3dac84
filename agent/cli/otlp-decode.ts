/**
 * Turns OTLP export requests, protobuf or JSON, into plain flat lists of spans, metrics and log records. Runs in the process of
 * `gridwatch run --ui` and in the tests' receiver, never inside an observed program. It must never trust its input: whatever has the wrong
 * type throws `OtlpDecodeError`. It must not depend on the SDK it is used to check.
 */
import { OtlpDecodeError, type OtlpMessage, readOtlpProtobuf } from './otlp-wire.ts';

export { OtlpDecodeError };

export type OtlpSignal = 'traces' | 'metrics' | 'logs';
export type OtlpValue = string | number | boolean | null | OtlpValue[] | { [key: string]: OtlpValue };
export type OtlpAttributes = { [key: string]: OtlpValue };

/** Where an item comes from. Items of one request share these objects: compare resources by identity within a request only. */
export interface OtlpOrigin {
  readonly resource: OtlpAttributes;
  readonly scope: { readonly name: string; readonly version: string };
}

export interface OtlpLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: OtlpAttributes;
}

export interface OtlpSpanEvent {
  readonly name: string;
  readonly timeUnixNs: bigint;
  readonly attributes: OtlpAttributes;
}

export interface OtlpSpan extends OtlpOrigin {
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly startUnixNs: bigint;
  readonly endUnixNs: bigint;
  readonly durationNs: number;
  readonly attributes: OtlpAttributes;
  readonly events: readonly OtlpSpanEvent[];
  readonly links: readonly OtlpLink[];
  readonly status: 'unset' | 'ok' | 'error';
  readonly statusMessage: string;
}

export interface OtlpExplicitHistogram {
  readonly count: number;
  readonly sum: number;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

export interface OtlpExponentialHistogram {
  readonly count: number;
  readonly sum: number;
  readonly scale: number;
  readonly zeroCount: number;
  readonly positive: { readonly offset: number; readonly counts: readonly number[] };
}

export interface OtlpPoint {
  readonly attributes: OtlpAttributes;
  /** 0n where the sender gave none (gauges). */
  readonly startUnixNs: bigint;
  readonly timeUnixNs: bigint;
  /** The value of a sum or gauge; the sum of a histogram. */
  readonly value: number;
  /** How the value of a sum or gauge was encoded; '' for histograms. */
  readonly valueType: 'int' | 'double' | '';
  readonly histogram?: OtlpExplicitHistogram;
  readonly exponentialHistogram?: OtlpExponentialHistogram;
}

export interface OtlpMetric extends OtlpOrigin {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram' | 'exponential_histogram' | 'unknown';
  readonly temporality: 'unspecified' | 'delta' | 'cumulative';
  readonly isMonotonic: boolean;
  readonly points: readonly OtlpPoint[];
}

export interface OtlpLog extends OtlpOrigin {
  readonly eventName: string;
  readonly timeUnixNs: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: OtlpValue;
  readonly attributes: OtlpAttributes;
  readonly traceId: string;
  readonly spanId: string;
}

export interface OtlpBatch {
  readonly spans: OtlpSpan[];
  readonly metrics: OtlpMetric[];
  readonly logs: OtlpLog[];
}

/**
 * Decodes the body of one export request, already decompressed.
 * @param contentType the request's header; JSON if it names JSON, protobuf otherwise.
 * @throws OtlpDecodeError if the body is not a valid request.
 */
export function decodeOtlp(signal: OtlpSignal, contentType: string, body: Uint8Array): OtlpBatch {
  const request = /\bjson\b/i.test(contentType) ? parseJson(body) : readOtlpProtobuf(signal, body);
  const batch: OtlpBatch = { spans: [], metrics: [], logs: [] };
  if (signal === 'traces') {
    forEachItem(request, 'resourceSpans', 'scopeSpans', 'spans', (item, origin) =>
      batch.spans.push(toSpan(item, origin)),
    );
  } else if (signal === 'metrics') {
    forEachItem(request, 'resourceMetrics', 'scopeMetrics', 'metrics', (item, origin) =>
      batch.metrics.push(toMetric(item, origin)),
    );
  } else {
    forEachItem(request, 'resourceLogs', 'scopeLogs', 'logRecords', (item, origin) =>
      batch.logs.push(toLog(item, origin)),
    );
  }
  return batch;
}

function parseJson(body: Uint8Array): OtlpMessage {
  try {
    return toMessage(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch (error) {
    throw error instanceof OtlpDecodeError ? error : new OtlpDecodeError('the body is not JSON');
  }
}

function forEachItem(
  request: OtlpMessage,
  resources: string,
  scopes: string,
  items: string,
  visit: (item: OtlpMessage, origin: OtlpOrigin) => void,
): void {
  for (const ofResource of toMessages(request[resources])) {
    const resource = toAttributes(toMessage(ofResource['resource'])['attributes']);
    for (const ofScope of toMessages(ofResource[scopes])) {
      const scope = toMessage(ofScope['scope']);
      const origin: OtlpOrigin = {
        resource,
        scope: { name: toText(scope['name']), version: toText(scope['version']) },
      };
      for (const item of toMessages(ofScope[items])) visit(item, origin);
    }
  }
}

const spanKinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const statusCodes = ['unset', 'ok', 'error'] as const;
const temporalities = ['unspecified', 'delta', 'cumulative'] as const;

function toSpan(item: OtlpMessage, origin: OtlpOrigin): OtlpSpan {
  const startUnixNs = toBigInt(item['startTimeUnixNano']);
  const endUnixNs = toBigInt(item['endTimeUnixNano']);
  const status = toMessage(item['status']);
  return {
    ...origin,
    traceId: toText(item['traceId']).toLowerCase(),
    spanId: toText(item['spanId']).toLowerCase(),
    parentSpanId: toText(item['parentSpanId']).toLowerCase(),
    name: toText(item['name']),
    kind: spanKinds[toNumber(item['kind'])] ?? 'unspecified',
    startUnixNs,
    endUnixNs,
    durationNs: Number(endUnixNs - startUnixNs),
    attributes: toAttributes(item['attributes']),
    events: toMessages(item['events']).map((event) => ({
      name: toText(event['name']),
      timeUnixNs: toBigInt(event['timeUnixNano']),
      attributes: toAttributes(event['attributes']),
    })),
    links: toMessages(item['links']).map((link) => ({
      traceId: toText(link['traceId']).toLowerCase(),
      spanId: toText(link['spanId']).toLowerCase(),
      attributes: toAttributes(link['attributes']),
    })),
    status: statusCodes[toNumber(status['code'])] ?? 'unset',
    statusMessage: toText(status['message']),
  };
}

const metricKinds = [
  ['gauge', 'gauge'],
  ['sum', 'sum'],
  ['histogram', 'histogram'],
  ['exponentialHistogram', 'exponential_histogram'],
] as const;

function toMetric(item: OtlpMessage, origin: OtlpOrigin): OtlpMetric {
  const [field, kind] = metricKinds.find(([name]) => item[name] !== undefined) ?? ['', 'unknown'];
  const data = toMessage(item[field]);
  return {
    ...origin,
    name: toText(item['name']),
    description: toText(item['description']),
    unit: toText(item['unit']),
    kind,
    temporality: temporalities[toNumber(data['aggregationTemporality'])] ?? 'unspecified',
    isMonotonic: data['isMonotonic'] === true,
    points: toMessages(data['dataPoints']).map((point) => toPoint(point, kind)),
  };
}

function toPoint(item: OtlpMessage, kind: OtlpMetric['kind']): OtlpPoint {
  const at = {
    attributes: toAttributes(item['attributes']),
    startUnixNs: toBigInt(item['startTimeUnixNano']),
    timeUnixNs: toBigInt(item['timeUnixNano']),
  };
  if (kind === 'sum' || kind === 'gauge') {
    const isInt = item['asInt'] !== undefined;
    return { ...at, value: toNumber(isInt ? item['asInt'] : item['asDouble']), valueType: isInt ? 'int' : 'double' };
  }
  const count = toNumber(item['count']);
  const sum = toNumber(item['sum']);
  if (kind === 'histogram') {
    return {
      ...at,
      value: sum,
      valueType: '',
      histogram: { count, sum, bounds: toNumbers(item['explicitBounds']), counts: toNumbers(item['bucketCounts']) },
    };
  }
  const positive = toMessage(item['positive']);
  return {
    ...at,
    value: sum,
    valueType: '',
    exponentialHistogram: {
      count,
      sum,
      scale: toNumber(item['scale']),
      zeroCount: toNumber(item['zeroCount']),
      positive: { offset: toNumber(positive['offset']), counts: toNumbers(positive['bucketCounts']) },
    },
  };
}

function toLog(item: OtlpMessage, origin: OtlpOrigin): OtlpLog {
  return {
    ...origin,
    eventName: toText(item['eventName']),
    timeUnixNs: toBigInt(item['timeUnixNano'] ?? item['observedTimeUnixNano']),
    severityNumber: toNumber(item['severityNumber']),
    severityText: toText(item['severityText']),
    body: toValue(toMessage(item['body']), 0),
    attributes: toAttributes(item['attributes']),
    traceId: toText(item['traceId']).toLowerCase(),
    spanId: toText(item['spanId']).toLowerCase(),
  };
}

function toAttributes(list: unknown, depth = 0): OtlpAttributes {
  const attributes: OtlpAttributes = Object.create(null) as OtlpAttributes;
  for (const entry of toMessages(list)) attributes[toText(entry['key'])] = toValue(toMessage(entry['value']), depth);
  return attributes;
}

function toValue(value: OtlpMessage, depth: number): OtlpValue {
  if (depth > 32) throw new OtlpDecodeError('an attribute is nested deeper than 32 levels');
  if (value['stringValue'] !== undefined) return toText(value['stringValue']);
  if (value['boolValue'] !== undefined) return value['boolValue'] === true;
  if (value['intValue'] !== undefined) return toNumber(value['intValue']);
  if (value['doubleValue'] !== undefined) return toNumber(value['doubleValue']);
  if (value['bytesValue'] !== undefined) return toText(value['bytesValue']);
  if (value['arrayValue'] !== undefined)
    return toMessages(toMessage(value['arrayValue'])['values']).map((item) => toValue(item, depth + 1));
  if (value['kvlistValue'] !== undefined) return toAttributes(toMessage(value['kvlistValue'])['values'], depth + 1);
  return null;
}

function toMessage(value: unknown): OtlpMessage {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new OtlpDecodeError('an object was expected');
  return value as OtlpMessage;
}

function toMessages(value: unknown): OtlpMessage[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new OtlpDecodeError('a list was expected');
  return value.map(toMessage);
}

function toText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new OtlpDecodeError('a string was expected');
  return value;
}

/** JSON writes 64-bit integers as strings and non-finite doubles by name. */
function toNumber(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string')
    throw new OtlpDecodeError('a number was expected');
  const number = Number(value);
  if (Number.isNaN(number) && value !== 'NaN' && typeof value !== 'number')
    throw new OtlpDecodeError('a number was expected');
  return number;
}

function toNumbers(value: unknown): number[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new OtlpDecodeError('a list of numbers was expected');
  return value.map(toNumber);
}

function toBigInt(value: unknown): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === 'bigint') return value;
  try {
    return BigInt(value as string | number);
  } catch {
    throw new OtlpDecodeError('a 64-bit integer was expected');
  }
}
