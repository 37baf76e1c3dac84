/**
 * `collector-config/kafka/`: Collectors of two hosts that write into Kafka, two that read from it, with the shipped files, the gateway's second tier included. The spans are made here, so that each trace comes from
 * both hosts, and what arrives is known by name; the broker is the one in `backends/kafka`, which speaks Kafka's protocol and keeps everything in memory.
 */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { BackendProcess } from '../support/backend-process.ts';
import { type RunningCollector, startCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { logsRequest } from '../support/otlp-payloads.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { binariesFor } from './binaries.ts';

const TRACES = 200;
/** Logs as bare text, into the topic of the spans. */
const TEXT_TO_KAFKA = '../test/fixtures/kafka-text.yaml';
const CONSUMER = ['gateway/tier2.yaml', 'kafka/consumer.yaml'] as const;
/** A consumer that is killed is missed after ten seconds; a Collector tries again after half a minute at the latest. */
const ARRIVAL = { deadlineMs: 90_000, intervalMs: 500 } as const;

/** One span of each trace, as one host sends it. Resolves when the Collector has taken them. */
async function send({ url }: RunningCollector, traceIds: readonly string[]): Promise<void> {
  const nowNs = `${Date.now()}000000`;
  const spans = traceIds.map((traceId) => ({
    traceId,
    spanId: randomBytes(8).toString('hex'),
    name: 'work',
    kind: 1,
    startTimeUnixNano: nowNs,
    endTimeUnixNano: nowNs,
  }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
  const response = await fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
}

/** How many spans of each trace have arrived; what came twice counts once. */
function spansByTrace(...receivers: readonly OtlpReceiver[]): Map<string, number> {
  const ids = new Map<string, Set<string>>();
  for (const { traceId, spanId } of receivers.flatMap(({ spans }) => spans)) {
    ids.set(traceId, (ids.get(traceId) ?? new Set()).add(spanId));
  }
  return new Map(Array.from(ids, ([traceId, spanIds]) => [traceId, spanIds.size]));
}

/** One partition is enough for a test with one consumer. */
async function startBroker(
  kafka: string,
  port: number,
  healthPort: number,
  partitions: number,
): Promise<BackendProcess> {
  return BackendProcess.start({
    name: 'kafka',
    file: kafka,
    args: [String(port), String(healthPort), `otlp_spans=${partitions}`],
    cwd: tmpdir(),
    readyUrl: `http://127.0.0.1:${healthPort}`,
  });
}

/** For the second tier: all that it gets goes to `receiver`. */
function consumerEnv(name: string, { grpcUrl }: OtlpReceiver): Record<string, string> {
  return {
    GATEWAY_INSTANCE: name,
    GATEWAY_DECISION_WAIT: '2s',
    GATEWAY_SAMPLED_PERCENT: '100',
    JAEGER_ENDPOINT: new URL(grpcUrl).host,
  };
}

const newTraces = (): string[] => Array.from({ length: TRACES }, () => randomBytes(16).toString('hex'));

it('both spans of a trace come to one consumer, and nothing is lost when a broker is late or a consumer is killed', async (context) => {
  const { kafka, otelcol } = binariesFor(context);
  const ports = await freePorts('kafka', 'health');
  const brokers = { KAFKA_BROKERS: `[127.0.0.1:${ports.kafka}]` };
  await using hostA = await startCollector(otelcol, ['kafka/producer.yaml'], brokers);
  await using hostB = await startCollector(otelcol, ['kafka/producer.yaml'], brokers);
  const early = newTraces();
  // No broker is there yet: the queue on the disk takes them.
  await send(hostA, early);
  await send(hostB, early);

  await using _broker = await startBroker(kafka, ports.kafka, ports.health, 12);
  await using atA = await OtlpReceiver.start({ isGrpc: true });
  await using atB = await OtlpReceiver.start({ isGrpc: true });
  await using consumerA = await startCollector(otelcol, CONSUMER, { ...brokers, ...consumerEnv('a', atA) });
  const isThere = (traceIds: readonly string[]) => (): boolean => {
    const found = spansByTrace(atA, atB);
    return traceIds.every((traceId) => found.get(traceId) === 2);
  };
  await eventually('what was sent before there was a broker', isThere(early), ARRIVAL);

  await using _consumerB = await startCollector(otelcol, CONSUMER, { ...brokers, ...consumerEnv('b', atB) });
  // Partitions move to it at some moment: from its first span on they are shared.
  const sent: string[] = [];
  const hasShare = async (): Promise<boolean> => {
    const some = newTraces();
    await send(hostA, some);
    sent.push(...some);
    return atB.spans.length > 0;
  };
  await eventually('the second consumer to have its share', hasShare, ARRIVAL);
  const shared = newTraces();
  await send(hostA, shared);
  await send(hostB, shared);
  await eventually('the traces of both hosts', isThere(shared), ARRIVAL);
  const wholeAt = (receiver: OtlpReceiver): string[] => {
    const found = spansByTrace(receiver);
    return shared.filter((traceId) => found.get(traceId) === 2);
  };
  expect(wholeAt(atA).length).toBeGreaterThan(TRACES / 10);
  expect(wholeAt(atB).length).toBeGreaterThan(TRACES / 10);
  expect(new Set([...wholeAt(atA), ...wholeAt(atB)]).size).toBe(TRACES);

  const isAll = (): boolean => {
    const found = spansByTrace(atA, atB);
    return sent.every((traceId) => found.has(traceId));
  };
  await eventually('the traces of one host', isAll, ARRIVAL);
  await consumerA.process.kill('SIGKILL');
  const late = newTraces();
  await send(hostA, late);
  await send(hostB, late);
  await eventually('all that was sent', isThere(late), ARRIVAL);
});

it('a record that nobody can read does not hold up those behind it', async (context) => {
  const { kafka, otelcol } = binariesFor(context);
  const ports = await freePorts('kafka', 'health');
  const brokers = { KAFKA_BROKERS: `[127.0.0.1:${ports.kafka}]` };
  await using _broker = await startBroker(kafka, ports.kafka, ports.health, 1);
  await using host = await startCollector(otelcol, ['kafka/producer.yaml', TEXT_TO_KAFKA], brokers);
  const response = await fetch(`${host.url}/v1/logs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(logsRequest([{ eventName: 'said', body: 'not a span', timeMs: Date.now() }])),
  });
  await response.arrayBuffer();
  // Kafka has it: there is no queue in between.
  expect(response.status).toBe(200);

  await using receiver = await OtlpReceiver.start({ isGrpc: true });
  await using consumer = await startCollector(otelcol, CONSUMER, { ...brokers, ...consumerEnv('a', receiver) });
  const traces = newTraces();
  await send(host, traces);
  const isThere = (): boolean => traces.every((traceId) => spansByTrace(receiver).has(traceId));
  await eventually('the traces behind it', isThere, ARRIVAL);
  expect(consumer.process.output).toContain('failed to consume message, skipping');
});
