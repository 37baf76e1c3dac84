/**
 * OpenTelemetry's own auto-instrumentations and the agent, loaded in either order: the server does as without, its spans are as without, both show one
 * service and one instance, and the worker that a request starts is in the request's trace.
 */
import { describe, expect, test } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import type { Observed } from '../support/observe.ts';
import { compare, expectOneService } from './compare.ts';
import { installProject } from './installed-project.ts';

const TEST_MS = 300_000;
const AUTO = '@opentelemetry/auto-instrumentations-node/register';
const GATE = 'gridwatch/register';

describe('auto-instrumentations', { timeout: TEST_MS }, () => {
  test.for([
    `--require ${GATE} --require ${AUTO}`,
    `--require ${AUTO} --require ${GATE}`,
    `--import ${GATE} --import ${AUTO}`,
    `--import ${AUTO} --import ${GATE}`,
    `--require ${GATE} --import ${AUTO}`,
    `--require ${AUTO} --import ${GATE}`,
  ])('node %s app.js', async (preloads, { skip }) => {
    const project = await installProject('auto-instrumentations');
    if ('reason' in project) return skip(project.reason);
    const env = { OTEL_SERVICE_NAME: 'squares', OTEL_METRICS_EXPORTER: 'otlp' };
    const args = [...preloads.split(' '), 'app.js'];
    const compared = await compare({ project, args, env, paths: ['/squares/7'] });
    const { without, withAgent, observedWithout, observed } = compared;
    expect(without.answers).toMatchObject([{ status: 200, body: '{"square":49}' }]);
    expect(withAgent).toEqual(without);
    expect(ownSpans(observed)).toEqual(ownSpans(observedWithout));
    const request = observed.spans.find(({ scope }) => scope.name.endsWith('instrumentation-http'));
    const [resource] = expectOneService(observed, 'squares');
    expect(resource?.['service.instance.id']).toBe((request as OtlpSpan).resource['service.instance.id']);
    const start = observed.spans.find(({ name }) => name === 'worker.start squares');
    expect(start).toMatchObject({ traceId: request?.traceId, parentSpanId: request?.spanId });
  });
});

function ownSpans({ spans }: Observed): string[] {
  return spans.filter(({ scope }) => scope.name !== 'gridwatch').map(({ scope, name }) => `${scope.name}: ${name}`);
}
