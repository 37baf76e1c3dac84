/**
 * Beside an application with an OpenTelemetry SDK of its own, whichever line it is of: both show one service and one instance, and what the agent has
 * seen of a request stands in that request's trace. The programs are real, as is everything they and the agent deliver.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { installBeside } from '../support/installed.ts';
import { type Observed, observe } from '../support/observe.ts';
import type { RunOptions } from '../support/run-node.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/own-sdk.cjs', import.meta.url));

/** The first install of each takes npm up to a minute. */
const INSTALL_MS = 180_000;

const VERSIONS = [
  { sdk: '1.x', api: '1.9.0', sdkNode: '0.57.2' },
  { sdk: '2.0', api: '1.9.0', sdkNode: '0.200.0' },
  { sdk: '2.x', api: '1.9.0', sdkNode: '0.223.0' },
  { sdk: '3.x', api: '1.10.0', sdkNode: '0.301.0' },
];

/** Shows a wait for an identity that nobody brings: it would take a minute. */
const LONG_WAIT = { GRIDWATCH_IDENTITY_WAIT_MS: '60000', GRIDWATCH_EXIT_TIMEOUT_MS: '90000' };
const NO_WAIT_MS = 50_000;

interface SpanIds {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
}

interface Run {
  readonly observed: Observed;
  readonly requests: readonly SpanIds[];
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly durationMs: number;
}

async function run(steps: string, options: Partial<RunOptions> = {}): Promise<Run> {
  const env = { GRIDWATCH_GC_THRESHOLD_MS: '0.5', OTEL_METRICS_EXPORTER: 'otlp', ...options.env };
  const args = ['--expose-gc', APP, ...steps.split(' ')];
  const { result, observed } = await observe({ args, ...options, env });
  const { stdout, stderr, exitCode, durationMs } = result;
  const requests = stdout === '' ? [] : (JSON.parse(stdout) as SpanIds[]);
  return { observed, requests, stderr, exitCode, durationMs };
}

const ofApp = ({ scope }: { scope: { name: string } }): boolean => scope.name === 'app';
const ofAgent = ({ scope }: { scope: { name: string } }): boolean => scope.name === 'gridwatch';

/** Pauses of a collection that was asked for: the others come as they like. */
const isMajorGc = (span: OtlpSpan): boolean => ofAgent(span) && span.name === 'gc major';

/** The one resource of everything the agent has delivered. */
function agentResource({ spans, metrics }: Observed): Record<string, unknown> {
  const all = [...spans.filter(ofAgent), ...metrics.filter(ofAgent)].map(({ resource }) => resource);
  expect(new Set(all.map((resource) => JSON.stringify(resource))).size).toBe(1);
  return all[0] as Record<string, unknown>;
}

describe.each(VERSIONS)('SDK $sdk', ({ api, sdkNode }) => {
  it(
    'has its resource taken over, and its requests have the pauses that held them up',
    async ({ skip }) => {
      const installed = await installBeside({ '@opentelemetry/api': api, '@opentelemetry/sdk-node': sdkNode });
      if ('reason' in installed) return skip(installed.reason);
      const options = { cwd: installed.folder, registerFile: installed.registerFile };
      const steps = 'node-sdk wait 400 request first child second unsampled third idle wait 50';
      const { observed, requests, stderr, exitCode } = await run(steps, options);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expectSameService(observed);
      expectPausesIn(observed, requests);
    },
    INSTALL_MS,
  );

  it(
    'may be a tracer provider or a meter provider alone',
    async ({ skip }) => {
      const installed = await installBeside({ '@opentelemetry/api': api, '@opentelemetry/sdk-node': sdkNode });
      if ('reason' in installed) return skip(installed.reason);
      const options = { cwd: installed.folder, registerFile: installed.registerFile };
      const tracing = await run('provider request first', options);
      expect(tracing).toMatchObject({ exitCode: 0, stderr: '' });
      const identity = { 'service.name': 'by-hand', 'service.instance.id': 'instance-7' };
      expect(tracing.observed.spans.filter(ofApp).map(({ resource }) => resource)).toMatchObject([identity]);
      expect(agentResource(tracing.observed)).toMatchObject(identity);
      const metering = await run('metrics', options);
      expect(metering).toMatchObject({ exitCode: 0, stderr: '' });
      expect(agentResource(metering.observed)).toMatchObject({ 'service.instance.id': 'instance-8' });
    },
    INSTALL_MS,
  );

  it(
    'is left the metrics it measures itself',
    async ({ skip }) => {
      const installed = await installBeside({ '@opentelemetry/api': api, '@opentelemetry/sdk-node': sdkNode });
      if ('reason' in installed) return skip(installed.reason);
      const options = { cwd: installed.folder, registerFile: installed.registerFile };
      const { observed, exitCode, stderr } = await run('measured idle wait 50', options);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const names = new Set(observed.metrics.filter(ofAgent).map(({ name }) => name));
      const left = ['v8js.gc.duration', 'nodejs.eventloop.utilization', 'process.cpu.time'];
      expect(left.filter((name) => names.has(name))).toEqual([]);
      expect([...names]).toEqual(expect.arrayContaining(['nodejs.eventloop.time', 'process.context_switches']));
      for (const name of left) {
        const why = { 'gridwatch.feature': name, 'gridwatch.reason': 'configured' };
        expect(observed.sum('gridwatch.agent.feature.disabled', why)).toBe(1);
      }
    },
    INSTALL_MS,
  );
});

/** Who it is reads the same in both; what stays in the process is the application's business alone. */
function expectSameService(observed: Observed): void {
  const [own] = observed.spans.filter(ofApp).map(({ resource }) => resource);
  const agent = agentResource(observed);
  const identity = { 'service.name': 'own-sdk', 'app.flavour': 'vanilla', 'app.slow': 'settled' };
  expect(own).toMatchObject({ ...identity, 'process.owner': expect.any(String) });
  expect(agent).toMatchObject({ ...identity, 'telemetry.distro.name': 'gridwatch' });
  expect(agent['service.instance.id']).toBe(own?.['service.instance.id'] ?? agent['service.instance.id']);
  expect(agent['service.instance.id']).toEqual(expect.any(String));
  // Jaeger compares these, and takes spans in which they differ to come from two clocks.
  for (const name of ['host.id', 'host.name']) expect(agent[name]).toBe(own?.[name]);
  const kept = ['process.command', 'process.command_args', 'process.executable.path', 'process.owner'];
  expect(Object.keys(agent).filter((name) => kept.includes(name))).toEqual([]);
}

function expectPausesIn(observed: Observed, requests: readonly SpanIds[]): void {
  const [first, second, third] = requests;
  const pauses = observed.spans.filter(isMajorGc);
  const under = (parent: SpanIds | undefined): OtlpSpan[] =>
    pauses.filter(({ traceId, parentSpanId }) => traceId === parent?.traceId && parentSpanId === parent.spanId);
  /* Of a child's pause the root is told, which is what a reader of the trace looks at. */
  for (const request of [first, second]) {
    expect(under(request).length).toBeGreaterThan(0);
    const root = observed.spans.find(({ spanId }) => spanId === request?.spanId) as OtlpSpan;
    for (const { startUnixNs, endUnixNs, attributes } of under(request)) {
      expect(attributes).toMatchObject({ 'thread.name': 'main', 'v8js.gc.type': 'major' });
      expect(startUnixNs).toBeGreaterThan(root.startUnixNs - CLOCK_NS);
      expect(endUnixNs).toBeLessThan(root.endUnixNs + CLOCK_NS);
    }
  }
  const roots = pauses.filter(({ parentSpanId }) => parentSpanId === '');
  expect(roots.map(({ attributes }) => attributes)).toMatchObject([
    { 'gridwatch.parent.trace_id': third?.traceId, 'gridwatch.parent.span_id': third?.spanId },
  ]);
  expect(pauses).toHaveLength(under(first).length + under(second).length + roots.length);
}

/** The SDK takes the start of a span from the wall clock, in whole milliseconds; the agent from a monotonic one. */
const CLOCK_NS = 5_000_000n;

describe('a program that ends early', () => {
  it('does not wait for an SDK that never comes, and is named after its package', async () => {
    const { observed, exitCode, durationMs } = await run('idle', { env: LONG_WAIT });
    expect(exitCode).toBe(0);
    expect(durationMs).toBeLessThan(NO_WAIT_MS);
    expect(agentResource(observed)).toMatchObject({ 'service.name': 'gridwatch' });
  });

  it('and fails has its SDK taken over all the same', async () => {
    const { observed, exitCode, stderr, durationMs } = await run('node-sdk fail', { env: LONG_WAIT });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('as asked');
    expect(durationMs).toBeLessThan(NO_WAIT_MS);
    /* What takes its time is not waited for. */
    expect(agentResource(observed)).toMatchObject({ 'service.name': 'own-sdk', 'app.flavour': 'vanilla' });
    expect(agentResource(observed)).not.toHaveProperty('app.slow');
  });
});

it('an SDK that is registered late leaves the agent as it is, and that is said', async () => {
  const { observed, exitCode, stderr } = await run('wait 5500 node-sdk idle wait 500 idle wait 500');
  expect(exitCode).toBe(0);
  expect(stderr.match(/^gridwatch: .*registered late.*$/gm)).toHaveLength(1);
  expect(agentResource(observed)).toMatchObject({ 'service.name': 'gridwatch' });
});

describe('traces', () => {
  const requests = Array.from({ length: 8 }, (_, i) => `request r${i}`).join(' ');

  it('of one request in a hundred show the slowest pause of the others, once', async () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.0001' };
    const { observed, requests: made } = await run(`env-sdk wait 100 ${requests}`, { env });
    expect(observed.spans.filter(ofApp)).toEqual([]);
    const [slowest, ...others] = observed.spans.filter(isMajorGc);
    expect(others).toEqual([]);
    expect(slowest?.attributes['gridwatch.suppressed']).toBeGreaterThanOrEqual(5);
    const parent = made.find(({ spanId }) => spanId === slowest?.attributes['gridwatch.parent.span_id']);
    expect(parent?.traceId).toBe(slowest?.attributes['gridwatch.parent.trace_id']);
  });

  it('of a service that makes none are not filled with pauses', async () => {
    const { observed, exitCode } = await run(`${requests} idle`);
    expect(exitCode).toBe(0);
    expect(observed.count('v8js.gc.duration')).toBeGreaterThan(8);
    expect(observed.spans.filter(ofAgent)).toEqual([]);
  });

  it('that go nowhere are not referred to', async () => {
    const env = { OTEL_TRACES_EXPORTER: 'none' };
    const { observed } = await run(`env-sdk wait 100 ${requests}`, { env });
    expect(observed.count('v8js.gc.duration')).toBeGreaterThan(8);
    expect(observed.spans).toEqual([]);
  });
});
