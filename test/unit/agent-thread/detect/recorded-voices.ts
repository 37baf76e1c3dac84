/** What detectors have said, to be read. Used by the unit tests of the detectors; runs in the test's process. */
import type { Voices } from '../../../../agent/agent-thread/detect/deadlock-report.ts';
import type { Finding } from '../../../../agent/agent-thread/detect/findings.ts';
import type { LockLabel, LockNaming, SceneThread } from '../../../../agent/agent-thread/model/lock-scene-types.ts';
import type { LogRecord } from '../../../../agent/agent-thread/telemetry/logs.ts';
import type { MetricSource } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import type { SpanRecord } from '../../../../agent/agent-thread/telemetry/spans.ts';
import type { TraceIds } from '../../../../agent/shared-memory/registry.ts';
import { FakeDiag } from '../telemetry/fake-diag.ts';

export class RecordedVoices implements Voices {
  readonly spans: SpanRecord[] = [];
  readonly logs: LogRecord[] = [];
  readonly diag: FakeDiag = new FakeDiag();
  readonly areNamesFull: boolean;
  readonly emitSpan: Voices['emitSpan'] = (span) => this.spans.push(span);
  readonly emitLog: Voices['emitLog'] = (log) => this.logs.push(log);

  constructor(areNamesFull = false) {
    this.areNamesFull = areNamesFull;
  }
}

/** Findings as they are reported, without what `Findings` makes of them. */
export class RecordedFindings {
  readonly all: Finding[] = [];
  readonly lines: string[] = [];
  readonly report: (finding: Finding) => void = (finding) => void this.all.push(finding);
  readonly #said = new Set<string>();
  readonly maySay: (key: string) => boolean = (key) => !this.#said.has(key) && this.#said.add(key).has(key);
  readonly say: (key: string, line: string) => void = (_, line) => void this.lines.push(line);
}

/** Values by metric and attributes. */
export function collected(source: MetricSource): Record<string, number> {
  const values: Record<string, number> = {};
  const put = (name: string, attributes: object, value: number): void => {
    values[[name, ...Object.values(attributes)].join(' ')] = value;
  };
  source.collect({ sum: put, gauge: put, histogram: () => {} });
  return values;
}

/** A trace of one digit. */
export function traceOf(digit: number): TraceIds {
  return { traceId: String(digit).repeat(32), spanId: String(digit).repeat(16), traceFlags: 1 };
}

/** Numbers are names: 7 is the text `text 7`; the locks are those that were put there, by id. */
export class FakeNaming implements LockNaming {
  readonly locks: Map<number, LockLabel> = new Map();
  readonly threads: Map<number, SceneThread> = new Map();

  text(number: number): string {
    return number === 0 ? '' : `text ${number}`;
  }

  lockOf({ lockId }: { readonly lockId: number }): LockLabel {
    return (
      this.locks.get(lockId) ?? { key: `L${lockId}`, lockId, kind: 'mutex', className: `c${lockId}`, instance: '' }
    );
  }

  threadOf(holderWord: number): SceneThread | undefined {
    return this.threads.get(holderWord);
  }

  threadEverOf(holderWord: number): SceneThread | undefined {
    return this.threads.get(holderWord);
  }
}
