/**
 * What is told of a deadlock: a span with an event for each participant that holds all that is needed to understand it, each participant's wait so far as a
 * span in its own trace, a log record, and lines for the person at the terminal.
 *
 * Runs on the agent thread. In a deadlock no request's span ever ends: nothing here may need another trace to be understood.
 */
import type { Diag } from '../../diag.ts';
import type { SceneWait } from '../model/lock-scene-types.ts';
import type { SignalAttributes } from '../telemetry/catalog.ts';
import type { LogRecord } from '../telemetry/logs.ts';
import type { SpanEvent, SpanParent, SpanRecord } from '../telemetry/spans.ts';
import {
  atPlace,
  codeAttributes,
  holderAttributes,
  inWords,
  lockAttributes,
  partyName,
  threadAttributes,
  traceAttributes,
} from './lock-attributes.ts';
import { type ClosedSet, hasReaders, type Participant } from './wait-for-graph.ts';

/** Where detectors put what they have to say. */
export interface Voices {
  readonly emitSpan: (span: SpanRecord) => void;
  readonly emitLog: (log: LogRecord) => void;
  readonly diag: Diag;
  /** `GRIDWATCH_NAMES=full`. */
  readonly areNamesFull: boolean;
}

/** A cycle of more participants is cut in text; the events have all. */
const MAX_TOLD = 16;

export interface DeadlockNews {
  readonly set: ClosedSet;
  /** The wait that is ended with an error, if one is. */
  readonly aborted: SceneWait | undefined;
  /** Lines are for a person: a deadlock that is broken and closes again and again is said once a minute. */
  readonly isSaid: boolean;
}

export function reportDeadlock(voices: Voices, { set, aborted, isSaid }: DeadlockNews, nowNs: number): void {
  const { participants } = set;
  const cycle = cycleOf(participants);
  const links = contextsOf(participants);
  const closedNs = Math.max(...participants.map(({ wait }) => wait.sinceNs));
  const attributes: SignalAttributes = {
    'gridwatch.contended': true,
    'gridwatch.deadlock.cycle': cycle,
    'gridwatch.deadlock.size': participants.length,
    ...(aborted === undefined ? {} : { 'gridwatch.deadlock.aborted': true }),
  };
  const { 'gridwatch.deadlock.aborted': _, ...logged } = attributes;
  voices.emitSpan({
    name: 'deadlock',
    startNs: closedNs,
    endNs: nowNs,
    attributes,
    events: participants.map((one) => participantEvent(voices, one, one.wait === aborted, nowNs)),
    links,
    error: cycle,
    isIncident: true,
  });
  for (const participant of participants) voices.emitSpan(waitSpan(voices, participant, nowNs));
  const [first] = links;
  voices.emitLog({
    eventName: 'gridwatch.deadlock',
    body: `deadlock: ${cycle}`,
    attributes: logged,
    timeNs: nowNs,
    key: subjectOf(set),
    hasOwnSpan: true,
    ...(first === undefined ? {} : { parent: first }),
  });
  if (isSaid) sayDeadlock(voices.diag, participants, aborted);
}

/** Who is in a deadlock with which locks: the same each time it closes. */
export function subjectOf({ participants }: ClosedSet): string {
  const parts = participants.map(({ wait }) => `${wait.party.thread.name} ${wait.lock.className}`);
  return [...new Set(parts)].toSorted().join('; ');
}

function participantEvent(voices: Voices, participant: Participant, isAborted: boolean, nowNs: number): SpanEvent {
  const { wait, held } = participant;
  return {
    name: 'deadlock.participant',
    timeNs: wait.sinceNs,
    attributes: {
      ...threadAttributes(wait.party.thread),
      ...lockAttributes(wait.lock, voices.areNamesFull),
      'gridwatch.lock.mode': wait.mode,
      'gridwatch.lock.held.name': held.map(({ className }) => className).join(', '),
      'gridwatch.wait.duration': (nowNs - wait.sinceNs) / 1e9,
      ...(isAborted ? { 'gridwatch.deadlock.aborted': true } : {}),
      ...codeAttributes(wait),
      ...traceAttributes(wait.context),
    },
  };
}

/** The request's own span will never end, so its trace gets this now, or nothing. */
function waitSpan(voices: Voices, { wait, blockedBy }: Participant, nowNs: number): SpanRecord {
  const [holder] = blockedBy;
  const links = blockedBy.flatMap(({ context }) => (context === undefined ? [] : [context]));
  return {
    name: `lock.wait ${wait.lock.className}`,
    startNs: wait.sinceNs,
    endNs: nowNs,
    attributes: {
      ...threadAttributes(wait.party.thread),
      ...lockAttributes(wait.lock, voices.areNamesFull),
      'gridwatch.lock.mode': wait.mode,
      'gridwatch.wait.outcome': 'deadlock',
      'gridwatch.wait.ongoing': true,
      'gridwatch.contended': true,
      ...(holder === undefined ? {} : holderAttributes(holder)),
      ...codeAttributes(wait),
    },
    ...(wait.context === undefined ? {} : { parent: wait.context }),
    links,
    error: 'deadlock',
    isIncident: true,
  };
}

function sayDeadlock(diag: Diag, participants: readonly Participant[], aborted: SceneWait | undefined): void {
  const names = [...new Set(participants.map(({ wait }) => partyName(wait.party)))];
  const what = names.length === 1 ? 'waits for itself' : 'wait for one another';
  diag.error(`deadlock: ${inWords(names)} ${what} and cannot go on`);
  for (const participant of participants.slice(0, MAX_TOLD)) diag.error(`  ${sentenceOf(participant)}`);
  if (participants.length > MAX_TOLD) diag.error(`  and ${participants.length - MAX_TOLD} more`);
  if (aborted === undefined) return;
  diag.error(`  ${partyName(aborted.party)} gets ERR_GRIDWATCH_DEADLOCK in place of "${aborted.lock.className}"`);
}

/** `main holds "orders" and waits for "stock" (mutex) at app.js:12:7 in pay, held by worker-1`. */
function sentenceOf({ wait, held, blockedBy }: Participant): string {
  const holds = held.length === 0 ? '' : `holds ${inWords(held.map(({ className }) => `"${className}"`))} and `;
  const mode = wait.mode === 'shared' && hasReaders(wait.lock) ? ', shared' : '';
  const by = new Map<string, string>();
  for (const { party, site } of blockedBy) {
    const name = partyName(party);
    if (site !== '' || !by.has(name)) by.set(name, site === '' ? name : `${name} (${site})`);
  }
  const heldBy = by.size === 0 ? '' : `, held by ${inWords([...by.values()])}`;
  const { kind, className } = wait.lock;
  return `${partyName(wait.party)} ${holds}waits for "${className}" (${kind}${mode})${atPlace(wait)}${heldBy}`;
}

/** Who waits for what, held by whom, around to the first again. */
export function cycleOf(participants: readonly Participant[]): string {
  const parts = participants.slice(0, MAX_TOLD).map(({ wait, blockedBy }) => {
    const by = [...new Set(blockedBy.map(({ party }) => partyName(party)))];
    return `${partyName(wait.party)} waits for "${wait.lock.className}"${by.length === 0 ? '' : ` held by ${inWords(by)}`}`;
  });
  if (participants.length > MAX_TOLD) parts.push(`and ${participants.length - MAX_TOLD} more`);
  return parts.join('; ');
}

/** The spans of the participants, each once. */
function contextsOf(participants: readonly Participant[]): SpanParent[] {
  const bySpan = new Map<string, SpanParent>();
  for (const { wait, blockedBy } of participants) {
    for (const context of [wait.context, ...blockedBy.map((hold) => hold.context)]) {
      if (context !== undefined) bySpan.set(context.traceId + context.spanId, context);
    }
  }
  return [...bySpan.values()];
}
