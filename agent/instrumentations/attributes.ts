/**
 * What spans and histograms of instrumentations have in common.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import type { Attributes } from '@opentelemetry/api';

/** Buckets of durations, in seconds. */
export const BOUNDS_S: readonly number[] = [1e-5, 1e-4, 1e-3, 0.005, 0.02, 0.05, 0.1, 0.25, 1, 2.5, 10, 60];

/** Of what takes longer, in a sampled trace, there is a span. */
export const DEFAULT_THRESHOLD_MS = 20;

const SAMPLED = 1;

export function isSampled({ traceFlags }: { readonly traceFlags: number }): boolean {
  return (traceFlags & SAMPLED) !== 0;
}

/** Of a place as `file:line`. */
export function placeOf(site: string): Attributes {
  const [, file, line] = /^(.*):(\d+)$/.exec(site) ?? [];
  return file === undefined ? {} : { 'code.file.path': file, 'code.line.number': Number(line) };
}
