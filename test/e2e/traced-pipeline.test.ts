/**
 * `examples/traced-pipeline` through the Collector in Jaeger: what three threads did for a request is one trace with one root, though nobody has passed a context
 * along, and each span has the parent that it should.
 */
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type JaegerSpan, parentOf } from '../support/jaeger-api.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';
import { startTracedPipeline } from './programs.ts';

const SERVICE = 'traced-pipeline';
const REQUESTS = 5;
/** Each below the one before. */
const HOPS = ['GET', 'GET', 'task piscina@*', 'resize', 'send encoder', 'process encoder', 'encode'];

const isOf = (hop: string, name: string): boolean =>
  hop.endsWith('*') ? name.startsWith(hop.slice(0, -1)) : hop === name || name.startsWith(`${hop} /`);

it('a request through a pool and a nested worker is one trace', async (context) => {
  await using stack = await Stack.start(binariesFor(context));
  const fromMs = Date.now();
  await using program = startTracedPipeline({
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collectorUrl,
    PIPELINE_REQUESTS: String(REQUESTS),
  });
  const { exitCode, stderr, stdout } = await program.ended;
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  await eventually('the Collector to have sent all spans', () => stack.hasSentAll(), { deadlineMs: 60_000 });

  const said = Array.from(stdout.matchAll(/trace ([0-9a-f]{32})$/gm), ([, id]) => id);
  expect(new Set(said).size).toBe(REQUESTS);
  const traces = await stack.jaeger.find({ service: SERVICE, fromMs, limit: 10_000 });
  for (const traceId of said) {
    const trace = traces.find(({ traceID }) => traceID === traceId);
    const spans = trace?.spans ?? [];
    const byId = new Map(spans.map((span) => [span.spanID, span]));
    const roots = spans.filter((span) => parentOf(span) === undefined);
    expect(roots.map(({ operationName }) => operationName)).toEqual([expect.stringMatching(/^GET/)]);
    /* Every parent is there, and whoever follows the chain down from the root meets every hop once. */
    expect(spans.filter((span) => parentOf(span) !== undefined && !byId.has(parentOf(span) as string))).toEqual([]);
    let parent: JaegerSpan | undefined;
    for (const hop of HOPS) {
      const found: JaegerSpan[] = spans.filter(
        (span) => isOf(hop, span.operationName) && parentOf(span) === parent?.spanID,
      );
      expect({ hop, found: found.map(({ operationName }) => operationName) }).toEqual({
        hop,
        found: [expect.any(String)],
      });
      parent = found[0];
    }
    const threads = new Map(
      spans.flatMap(({ operationName, tags }) => {
        const thread = tags.find(({ key }) => key === 'thread.name')?.value;
        return thread === undefined ? [] : [[operationName, thread] as const];
      }),
    );
    expect(threads.get('process encoder')).toBe('encoder');
    expect(trace?.warnings ?? []).toEqual([]);
  }
  expect(await stack.jaeger.warnings(SERVICE, fromMs, Date.now())).toEqual([]);
});
