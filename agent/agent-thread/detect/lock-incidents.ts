/**
 * What others have found and is only to be told: what a thread has left behind at its end (a lock, an item, a round), and a race.
 *
 * Runs on the agent thread. Each race of two places is told once.
 */
import type { RaceRecord } from '../../shared-memory/lock-records.ts';
import type { LockLabel, LockNaming, SceneThread } from '../model/lock-scene-types.ts';
import type { SignalAttributes } from '../telemetry/catalog.ts';
import type { Voices } from './deadlock-report.ts';
import type { Findings } from './findings.ts';
import { asV8Writes, lockAttributes, threadAttributes } from './lock-attributes.ts';

/** Races told, remembered; the oldest are forgotten. */
const MAX_RACES = 1000;

export interface LockIncidentsSettings {
  readonly voices: Voices;
  readonly findings: Pick<Findings, 'report' | 'say'>;
  readonly naming: LockNaming;
}

/** What a thread was at when it ended, and what became of that. */
function leftBehind({ kind, className }: LockLabel): string {
  if (kind === 'channel') return `sent an item to "${className}"; that item is lost`;
  if (kind === 'barrier') return `waited at "${className}"; the round is broken`;
  return `held "${className}"; the next holder is told`;
}

export class LockIncidents {
  readonly #settings: LockIncidentsSettings;
  readonly #races = new Set<string>();

  constructor(settings: LockIncidentsSettings) {
    this.#settings = settings;
  }

  /** A thread has ended with a lock: `holder` is it, as far as it is known. */
  abandoned(lock: LockLabel, holder: SceneThread | undefined, nowNs: number): void {
    const { voices, findings } = this.#settings;
    const body = `${holder?.name ?? 'a thread'} ended while it ${leftBehind(lock)}`;
    voices.emitLog({
      eventName: 'gridwatch.lock.abandoned',
      body,
      attributes: {
        ...lockAttributes(lock, voices.areNamesFull),
        ...(holder === undefined ? {} : threadAttributes(holder)),
      },
      key: lock.className,
      timeNs: nowNs,
    });
    findings.say(`abandoned ${lock.className}`, body, nowNs);
  }

  /** Two threads have touched one cell of guarded data with no lock in common; `thread` is the second one. */
  raced(record: RaceRecord, thread: SceneThread): void {
    const { naming, findings, voices } = this.#settings;
    const { lockId, stackNumber, other, index, context } = record;
    /* Both ways round it is the same race. */
    const key = [lockId, ...[stackNumber, other.stackNumber].toSorted((a, b) => a - b)].join(' ');
    if (this.#races.has(key)) return;
    this.#races.add(key);
    for (const oldest of this.#races) {
      if (this.#races.size <= MAX_RACES) break;
      this.#races.delete(oldest);
    }
    const lock = naming.lockOf({ lockId, classNumber: 0, kind: 'mutex', mode: 'exclusive' }, thread.key);
    const otherThread = naming.threadEverOf(other.holderWord, other.slot);
    const does = (isWrite: boolean): string => (isWrite ? 'writes' : 'reads');
    const attributes: SignalAttributes = {
      ...threadAttributes(thread),
      ...lockAttributes(lock, voices.areNamesFull),
      'gridwatch.race.index': index,
      ...otherAttributes(otherThread, naming.text(other.stackNumber), other.context),
    };
    findings.report({
      finding: 'race',
      body: `${thread.name} ${does(record.isWrite)} element ${index} of what "${lock.className}" guards, and ${otherThread?.name ?? 'a thread that has ended'} ${does(record.otherIsWrite)} it, with no lock in common`,
      attributes,
      place: { site: '', stack: naming.text(stackNumber) },
      key: `${lock.className} ${key}`,
      context,
      timeNs: record.atNs,
    });
  }
}

function otherAttributes(
  thread: SceneThread | undefined,
  stack: string,
  context: RaceRecord['context'],
): SignalAttributes {
  return {
    ...(thread === undefined ? {} : { 'gridwatch.other.thread.name': thread.name }),
    ...(thread === undefined || thread.threadId < 0 ? {} : { 'gridwatch.other.thread.id': thread.threadId }),
    ...(stack === '' ? {} : { 'gridwatch.other.stacktrace': asV8Writes(stack) }),
    ...(context === undefined
      ? {}
      : { 'gridwatch.other.trace_id': context.traceId, 'gridwatch.other.span_id': context.spanId }),
  };
}
