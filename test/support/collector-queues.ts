/**
 * What a Collector exports to and may keep on disk, by its files: they are laid over one another as the Collector does it, maps merged and lists replaced. Runs in a test's own
 * process; it starts no Collector.
 */
import { parse } from 'yaml';

interface Exporter {
  readonly sending_queue?: { readonly storage?: string; readonly queue_size?: number };
}

interface CollectorConfig {
  readonly exporters: Readonly<Record<string, Exporter>>;
  readonly service: { readonly pipelines: Readonly<Record<string, { readonly exporters: readonly string[] }>> };
}

/** The names of those that are in a pipeline. */
export function exportersOf(files: readonly string[]): Set<string> {
  return new Set(Object.values(layered(files).service.pipelines).flatMap(({ exporters }) => exporters));
}

/** The bytes that all queues on disk may hold together: each exporter has one for each signal that it is in a pipeline of. */
export function bytesOfQueues(files: readonly string[]): number {
  const { exporters, service } = layered(files);
  const queues = new Set(
    Object.entries(service.pipelines).flatMap(([pipeline, { exporters: names }]) =>
      names.map((name) => `${pipeline.replace(/\/.*/, '')} ${name}`),
    ),
  );
  let bytes = 0;
  for (const queue of queues) {
    const { storage, queue_size: size = 0 } = exporters[queue.slice(queue.indexOf(' ') + 1)]?.sending_queue ?? {};
    if (storage !== undefined) bytes += size;
  }
  return bytes;
}

function layered(files: readonly string[]): CollectorConfig {
  return files.map((text): unknown => parse(text)).reduce(merged) as CollectorConfig;
}

function merged(under: unknown, over: unknown): unknown {
  if (!isMap(under) || !isMap(over)) return over;
  const entries = Object.entries(over).map(([key, value]) => [key, key in under ? merged(under[key], value) : value]);
  return { ...under, ...(Object.fromEntries(entries) as Readonly<Record<string, unknown>>) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
