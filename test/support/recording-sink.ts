/**
 * A sink that keeps what a source wrote, as `name{key=value,...}`. A series written twice in one collection is an error: one of the two
 * would be lost.
 */
import type { Attributes } from '../../agent/agent-thread/telemetry/catalog.ts';
import type { MetricSink, MetricSource } from '../../agent/agent-thread/telemetry/metrics.ts';

export type Written = Readonly<Record<string, number>>;

export function collectFrom(source: MetricSource): Written {
  const written: Record<string, number> = {};
  const write = (name: string, attributes: Attributes, value: number): void => {
    const labels = Object.entries(attributes).map(([key, label]) => `${key}=${label}`);
    const series = labels.length === 0 ? name : `${name}{${labels.join(',')}}`;
    if (series in written) throw new Error(`${series} was written twice`);
    if (!Number.isFinite(value)) throw new Error(`${series} is ${value}`);
    written[series] = value;
  };
  const sink: MetricSink = {
    sum: write,
    gauge: write,
    histogram: (name, attributes, { counts }) =>
      write(
        name,
        attributes,
        Array.from(counts).reduce((sum, count) => sum + count, 0),
      ),
  };
  source.collect(sink);
  return written;
}

/** Only the series of one metric, by their labels. */
export function only(written: Written, name: string): Written {
  const prefix = `${name}{`;
  return Object.fromEntries(
    Object.entries(written).flatMap(([series, value]) => {
      if (series === name) return [['', value]];
      return series.startsWith(prefix) ? [[series.slice(prefix.length, -1), value]] : [];
    }),
  );
}
