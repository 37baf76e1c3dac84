/**
 * Log records of the agent (TELEMETRY.md, "Logs"): at most one a minute for each event and key, and for those of WARN and up that have no span of
 * their own a span without length, because whoever has only Jaeger sees no logs. Runs on the agent thread and knows nothing of the SDK. Its memory
 * is bounded; what it leaves out is counted in the next record it lets through.
 */
import {
  type AttributeValue,
  LOG_EVENTS,
  type LogDefinition,
  type LogEventName,
  type SignalAttributes,
} from './catalog.ts';
import type { SpanParent, SpanRecord } from './spans.ts';

export interface LogRecord {
  readonly eventName: LogEventName;
  /** Left out: as the catalog says. */
  readonly severity?: LogDefinition['severity'];
  readonly body: string;
  readonly attributes: SignalAttributes;
  readonly timeNs: number;
  /** What the event is about: one record a minute for each. Left out: the thread's name in the attributes. */
  readonly key?: string;
  /** The span that was active where it happened. */
  readonly parent?: SpanParent;
  /** The caller emits a span for it. */
  readonly hasOwnSpan?: boolean;
}

/** A log record that is let through; the attributes are complete. */
export interface OutgoingLog {
  readonly eventName: LogEventName;
  readonly severity: LogDefinition['severity'];
  readonly body: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly timeNs: number;
  readonly parent?: SpanParent;
}

export interface LogEmitterSettings {
  readonly nowNs: () => number;
  readonly write: (log: OutgoingLog) => void;
  readonly emitSpan: (span: SpanRecord) => void;
}

const WINDOW_NS = 60e9;
/** Events and keys remembered; the oldest is forgotten, and may then be heard again within its minute. */
const MAX_KEYS = 2000;

interface Recent {
  readonly untilNs: number;
  suppressed: number;
}

export class LogEmitter {
  readonly #settings: LogEmitterSettings;
  readonly #recent = new Map<string, Recent>();

  constructor(settings: LogEmitterSettings) {
    this.#settings = settings;
  }

  emit(record: LogRecord): void {
    const nowNs = this.#settings.nowNs();
    const key = `${record.eventName}\u0000${record.key ?? subjectOf(record.attributes)}`;
    const recent = this.#recent.get(key);
    if (recent !== undefined && nowNs < recent.untilNs) {
      recent.suppressed++;
      return;
    }
    this.#recent.delete(key);
    this.#recent.set(key, { untilNs: nowNs + WINDOW_NS, suppressed: 0 });
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= MAX_KEYS) break;
      this.#recent.delete(oldest);
    }
    this.#write(record, recent?.suppressed ?? 0);
  }

  #write(record: LogRecord, suppressed: number): void {
    const { eventName, severity = LOG_EVENTS[eventName].severity, body, timeNs, parent } = record;
    const attributes: Record<string, AttributeValue> = {};
    for (const [key, value] of Object.entries(record.attributes)) if (value !== undefined) attributes[key] = value;
    if (suppressed > 0) attributes['gridwatch.suppressed'] = suppressed;
    const trace = parent === undefined ? {} : { parent };
    this.#settings.write({ eventName, severity, body, attributes, timeNs, ...trace });
    if (severity === 'info' || record.hasOwnSpan === true) return;
    this.#settings.emitSpan({
      name: `incident ${eventName}`,
      startNs: timeNs,
      endNs: timeNs,
      attributes,
      isIncident: true,
      ...(severity === 'error' ? { error: body } : {}),
      ...trace,
    });
  }
}

function subjectOf(attributes: SignalAttributes): string {
  return attributes['thread.name'] ?? '';
}
