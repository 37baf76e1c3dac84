/**
 * The spans worth keeping of all that arrive: for each name the slowest few, and every pause of garbage collection, so that
 * the two can be laid over each other. Runs in the process of `gridwatch run --ui`. It must stay bounded whatever a program
 * sends: names and spans beyond the bounds are counted, not kept.
 */
import type { OtlpAttributes, OtlpSpan } from '../../otlp-decode.ts';
import { printable } from '../printable.ts';
import type { ProcessEntry } from './processes.ts';
import { RequestLog } from './request-log.ts';

/** A place in the program's source. */
export interface Site {
  readonly file: string;
  readonly line: number | undefined;
}

export interface SpanEntry {
  readonly process: ProcessEntry;
  /** With the route where the name alone is only an HTTP method. */
  readonly name: string;
  /** Of the application's own. The agent's spans of messages are of some of them only: no count, nor the slowest, could be told by them. */
  readonly isRequest: boolean;
  readonly isGridwatch: boolean;
  /** '' where the span names none. */
  readonly threadName: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly site: Site | undefined;
  /** The file that the worker of a `worker.start` runs; '' elsewhere. */
  readonly workerFile: string;
}

/** All spans of one name. */
export interface SpanGroup {
  readonly name: string;
  /** Since the run began. */
  count: number;
  /** Longest first. */
  readonly slowest: SpanEntry[];
}

const MAX_GROUPS = 300;
const MAX_SLOWEST = 10;
const MAX_PAUSES = 2000;

export class SpanLog {
  readonly #groups = new Map<string, SpanGroup>();
  readonly requests: RequestLog = new RequestLog();
  readonly #slowestBySecond = new Map<number, SpanEntry>();
  #pauses: SpanEntry[] = [];
  /** Spans whose name came after there were too many names. */
  unkeptCount = 0;

  add(span: OtlpSpan, process: ProcessEntry, nowMs: number): void {
    const entry = toEntry(span, process, nowMs);
    // It repeats a log record, and takes no time.
    if (entry.isGridwatch && entry.name.startsWith('incident ')) return;
    if (entry.isGridwatch && entry.name.startsWith('gc ')) {
      this.#pauses.push(entry);
      if (this.#pauses.length > MAX_PAUSES) this.#pauses.shift();
    }
    if (entry.isRequest) this.requests.add(process, entry.name, entry.endMs);
    const second = Math.floor(nowMs / 1000);
    const slowest = this.#slowestBySecond.get(second);
    if (slowest === undefined || durationMsOf(slowest) < durationMsOf(entry)) this.#slowestBySecond.set(second, entry);
    let group = this.#groups.get(entry.name);
    if (group === undefined) {
      if (this.#groups.size >= MAX_GROUPS) {
        this.unkeptCount++;
        return;
      }
      group = { name: entry.name, count: 0, slowest: [] };
      this.#groups.set(entry.name, group);
    }
    group.count++;
    const durationMs = durationMsOf(entry);
    const at = group.slowest.findIndex((other) => durationMsOf(other) < durationMs);
    group.slowest.splice(at < 0 ? group.slowest.length : at, 0, entry);
    if (group.slowest.length > MAX_SLOWEST) group.slowest.pop();
  }

  /** Forgets spans that ended earlier, and names that then have none. */
  prune(beforeMs: number): void {
    for (const [name, group] of this.#groups) {
      const kept = group.slowest.filter((span) => span.endMs >= beforeMs);
      group.slowest.splice(0, group.slowest.length, ...kept);
      if (kept.length === 0) this.#groups.delete(name);
    }
    this.#pauses = this.#pauses.filter((pause) => pause.endMs >= beforeMs);
    this.requests.prune(beforeMs);
    for (const second of this.#slowestBySecond.keys())
      if (second < beforeMs / 1000) this.#slowestBySecond.delete(second);
  }

  get groups(): Iterable<SpanGroup> {
    return this.#groups.values();
  }

  get pauses(): readonly SpanEntry[] {
    return this.#pauses;
  }

  /** The slowest of those that have *arrived* since; exporters send spans in batches, seconds after they ended. */
  slowestSince(fromMs: number): SpanEntry | undefined {
    return [...this.#slowestBySecond]
      .filter(([second]) => second >= Math.floor(fromMs / 1000))
      .map(([, span]) => span)
      .toSorted((a, b) => durationMsOf(b) - durationMsOf(a))[0];
  }
}

export function durationMsOf(span: SpanEntry): number {
  return span.endMs - span.startMs;
}

/** The attribute as text fit for a terminal; '' where it is absent or no text. */
export function textOf(attributes: OtlpAttributes, key: string): string {
  const value = attributes[key];
  return typeof value === 'string' ? printable(value) : '';
}

/** `file:line`, as terminals and editors open it. */
export function siteText({ file, line }: Site): string {
  return line === undefined ? file : `${file}:${line}`;
}

export function siteOf(attributes: OtlpAttributes): Site | undefined {
  const file = textOf(attributes, 'code.file.path');
  const line = attributes['code.line.number'];
  return file === '' ? undefined : { file, line: typeof line === 'number' ? line : undefined };
}

function toEntry(span: OtlpSpan, process: ProcessEntry, nowMs: number): SpanEntry {
  // A span of the future would never be forgotten.
  const endMs = Math.min(Number(span.endUnixNs) / 1e6, nowMs);
  const isGridwatch = span.scope.name === 'gridwatch';
  return {
    process,
    name: nameOf(span),
    isRequest: !isGridwatch && (span.kind === 'server' || span.kind === 'consumer'),
    isGridwatch,
    threadName: textOf(span.attributes, 'thread.name'),
    startMs: Math.min(Number(span.startUnixNs) / 1e6, endMs),
    endMs,
    site: siteOf(span.attributes),
    workerFile: textOf(span.attributes, 'gridwatch.thread.file'),
  };
}

/** HTTP instrumentation names a request by its method alone where a framework told it the route too late: the route says more. */
function nameOf(span: OtlpSpan): string {
  const name = printable(span.name);
  const route = textOf(span.attributes, 'http.route');
  return span.kind !== 'server' || route === '' || name.includes('/') ? name : `${name} ${route}`;
}
