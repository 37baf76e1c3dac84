/**
 * Turns OTLP export requests, protobuf or JSON, into plain flat lists of spans, metrics and log records. Runs in the process of
 * `gridwatch run --ui` and in the tests' receiver, never inside an observed program. It must never trust its input: whatever has the wrong
 * type throws `OtlpDecodeError`. It must not depend on the SDK it is used to check.
 */
import {
  type OtlpAttributes,
  type OtlpValue,
  parseJson,
  toAttributes,
  toBigInt,
  toMessage,
  toMessages,
  toNumber,
  toNumbers,
  toText,
  toValue,
} from './otlp-values.ts';
import { OtlpDecodeError, type OtlpMessage, readOtlpProtobuf } from './otlp-wire.ts';

export { type OtlpAttributes, OtlpDecodeError, type OtlpValue };

export type OtlpSignal = 'traces' | 'metrics' | 'logs';

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
