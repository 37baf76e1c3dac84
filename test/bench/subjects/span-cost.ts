/*
 * Makes spans with the SDK of this repository, followed for their local roots as on an application thread, or not; prints nanoseconds of CPU for one:
 * a root, a child, a root that the sampler leaves out.
 */
import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';
import { LocalRoots } from '../../../agent/app-thread/instrumentation/local-roots.ts';
import type { Recorder } from '../../../agent/app-thread/recorder.ts';
import { GcSpans } from '../../../agent/app-thread/sources/gc-spans.ts';

const SPANS = 300_000;
const sdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const api = sdk('@opentelemetry/api') as typeof Api;
const { TracerProvider } = sdk('@opentelemetry/sdk-trace') as {
  TracerProvider: new (options: object) => Api.TracerProvider;
};

const processor = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
const sampler = {
  shouldSample: (_context: unknown, _traceId: string, name: string) => ({ decision: name === 'left out' ? 0 : 2 }),
};
api.trace.setGlobalTracerProvider(new TracerProvider({ sampler, spanProcessors: [processor] }));
const tracer = api.trace.getTracer('bench');
tracer.startSpan('first').end();

if (process.argv[2] === 'followed') {
  let records = 0;
  const spans = new GcSpans({ recordGc: () => records++ } as unknown as Recorder);
  /* One pause, long ago: what every process has had. */
  spans.add({ type: 0, startNs: 1, durationNs: 20e6, startMs: Date.now() - 60_000 });
  new LocalRoots(spans.rootEnded).look();
}

function measure(make: () => void): number {
  for (let i = 0; i < SPANS / 5; i++) make();
  const before = process.threadCpuUsage();
  for (let i = 0; i < SPANS; i++) make();
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1e3) / SPANS;
}

const parent = api.trace.setSpan(api.ROOT_CONTEXT, tracer.startSpan('parent', {}, api.ROOT_CONTEXT));
const rootNs = measure(() => tracer.startSpan('root', {}, api.ROOT_CONTEXT).end());
const childNs = measure(() => tracer.startSpan('child', {}, parent).end());
const leftOutNs = measure(() => tracer.startSpan('left out', {}, api.ROOT_CONTEXT).end());
console.log(JSON.stringify({ rootNs, childNs, leftOutNs }));
