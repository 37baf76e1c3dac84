/**
 * Findings: what is wrong with how the program uses its locks, short of a deadlock. Counted, logged, and said on stderr, each at most once a minute for what
 * it is about; the count has them all.
 *
 * Runs on the agent thread. A program that is in order must raise none: each detector's thresholds say why a correct program stays below them.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import { ATTRIBUTES, type SignalAttributes } from '../telemetry/catalog.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { Voices } from './deadlock-report.ts';
import { atPlace, codeAttributes, type Place, traceAttributes } from './lock-attributes.ts';

const KINDS: (typeof ATTRIBUTES)['gridwatch.finding']['values'] = ATTRIBUTES['gridwatch.finding'].values;
export type FindingKind = (typeof KINDS)[number];

/** A person reads one line a minute of one thing. */
const SILENCE_NS = 60e9;
/** Things remembered for that; the oldest is forgotten, and may be heard again within its minute. */
const MAX_KEYS = 1000;

export interface Finding {
  readonly finding: FindingKind;
  /** A sentence without capital and full stop. */
  readonly body: string;
  readonly attributes: SignalAttributes;
  readonly place: Place;
  /** What it is about, a lock's class mostly. */
  readonly key: string;
  readonly context: TraceIds | undefined;
  readonly timeNs: number;
}

export class Findings implements MetricSource {
  readonly #voices: Voices;
  readonly #counts = new Map<FindingKind, number>();
  readonly #saidNs = new Map<string, number>();

  constructor(voices: Voices) {
    this.#voices = voices;
  }

  report({ finding, body, attributes, place, key, context, timeNs }: Finding): void {
    this.#counts.set(finding, (this.#counts.get(finding) ?? 0) + 1);
    this.#voices.emitLog({
      eventName: 'gridwatch.finding',
      body,
      attributes: {
        ...attributes,
        'gridwatch.finding': finding,
        ...codeAttributes(place),
        ...traceAttributes(context),
      },
      key: `${finding} ${key}`,
      timeNs,
      ...(context === undefined ? {} : { parent: context }),
    });
    this.say(`${finding} ${key}`, `${finding}: ${body}${atPlace(place)}`, timeNs);
  }

  /** A line on stderr, unless there was one of this key within the last minute. */
  say(key: string, line: string, nowNs: number): void {
    if (this.maySay(key, nowNs)) this.#voices.diag.warn(line);
  }

  /** Whether nothing of this key was said within the last minute; whoever asks says it. */
  maySay(key: string, nowNs: number): boolean {
    const saidNs = this.#saidNs.get(key);
    if (saidNs !== undefined && nowNs - saidNs < SILENCE_NS) return false;
    this.#saidNs.delete(key);
    this.#saidNs.set(key, nowNs);
    for (const oldest of this.#saidNs.keys()) {
      if (this.#saidNs.size <= MAX_KEYS) break;
      this.#saidNs.delete(oldest);
    }
    return true;
  }

  collect(sink: MetricSink): void {
    for (const finding of KINDS) {
      sink.sum('gridwatch.findings', { 'gridwatch.finding': finding }, this.#counts.get(finding) ?? 0);
    }
  }
}
