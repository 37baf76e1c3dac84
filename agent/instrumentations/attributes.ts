/**
 * What the spans and metrics of instrumentations have in common.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import type { Attributes } from '@opentelemetry/api';

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

/** How long ago a point of the clock was, in seconds; 0 stands for none. */
export function ageS(sinceNs: number, nowNs: number): number {
  return sinceNs === 0 ? 0 : Math.max(0, nowNs - sinceNs) / 1e9;
}
