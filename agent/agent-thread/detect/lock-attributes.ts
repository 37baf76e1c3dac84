/**
 * What the detectors say of threads, locks, places and traces: as attributes of spans and log records, and in words for a person.
 *
 * Runs on the agent thread. Paths in sites and stacks were cut to what may leave the process when they were taken; an instance's name leaves it only where
 * `GRIDWATCH_NAMES` is `full`.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { LockLabel, SceneHold, SceneParty, SceneThread } from '../model/lock-scene-types.ts';
import { ATTRIBUTES, type SignalAttributes } from '../telemetry/catalog.ts';

type KindAttribute = NonNullable<SignalAttributes['gridwatch.lock.kind']>;
const KINDS: readonly string[] = ATTRIBUTES['gridwatch.lock.kind'].values;

/** Names that a sentence has room for. */
const MAX_IN_WORDS = 8;

/** A place in the program, as it was taken: `file:line`, and a frame a line, innermost first: `function (file:line:column)`. */
export interface Place {
  readonly site: string;
  readonly stack: string;
}

export function threadAttributes({ threadId, name, osThreadId }: SceneThread): SignalAttributes {
  return {
    ...(threadId < 0 ? {} : { 'thread.id': threadId }),
    'thread.name': name,
    ...(osThreadId > 0 ? { 'gridwatch.thread.os_id': osThreadId } : {}),
  };
}

export function lockAttributes(lock: LockLabel, areNamesFull: boolean): SignalAttributes {
  return {
    'gridwatch.lock.name': lock.className,
    ...(KINDS.includes(lock.kind) ? { 'gridwatch.lock.kind': lock.kind as KindAttribute } : {}),
    ...(areNamesFull && lock.instance !== '' ? { 'gridwatch.lock.instance': lock.instance } : {}),
  };
}

export function holderAttributes({ party, site }: Pick<SceneHold, 'party' | 'site'>): SignalAttributes {
  const { threadId, name } = party.thread;
  return {
    ...(threadId < 0 ? {} : { 'gridwatch.lock.holder.thread.id': threadId }),
    'gridwatch.lock.holder.thread.name': name,
    ...(site === '' ? {} : { 'gridwatch.lock.holder.site': site }),
  };
}

export function codeAttributes({ site, stack }: Place): SignalAttributes {
  const [first = ''] = stack.split('\n', 1);
  const [, name, frameFile, frameLine] = /^(.*) \((.*):(\d+):\d+\)$/.exec(first) ?? [];
  const [, siteFile, siteLine] = /^(.*?):(\d+)(?::\d+)?$/.exec(site) ?? [];
  const file = frameFile ?? siteFile;
  return {
    ...(name === undefined || name === '<anonymous>' ? {} : { 'code.function.name': name }),
    ...(file === undefined ? {} : { 'code.file.path': file, 'code.line.number': Number(frameLine ?? siteLine) }),
    ...(stack === '' ? {} : { 'code.stacktrace': asV8Writes(stack) }),
  };
}

/** The frames as V8 writes them, which is how viewers know a stack. */
export function asV8Writes(stack: string): string {
  return stack
    .split('\n')
    .map((frame) => `    at ${frame}`)
    .join('\n');
}

export function traceAttributes(context: TraceIds | undefined): SignalAttributes {
  return context === undefined ? {} : { 'gridwatch.trace_id': context.traceId, 'gridwatch.span_id': context.spanId };
}

/** ` at file:line:column in function`; '' where it is not known. */
export function atPlace({ site, stack }: Place): string {
  const [first = ''] = stack.split('\n', 1);
  const [, name, place] = /^(.*) \((.*)\)$/.exec(first) ?? [];
  if (name !== undefined) return name === '<anonymous>' ? ` at ${place}` : ` at ${place} in ${name}`;
  return site === '' ? '' : ` at ${site}`;
}

/** A party in words: an activity is one of its thread's. */
export function partyName({ thread, activity }: SceneParty): string {
  return activity === 0 ? thread.name : `${thread.name}#${activity}`;
}

/** `a`, `a and b`, `a, b and c`; what there is no room for is counted. */
export function inWords(parts: readonly string[]): string {
  const shown =
    parts.length > MAX_IN_WORDS
      ? [...parts.slice(0, MAX_IN_WORDS - 1), `${parts.length - MAX_IN_WORDS + 1} others`]
      : parts;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
