/**
 * What a wait-for graph must find, by trying every schedule: a wait is dead if no order in which parties go on, end and are granted what they wait for ever
 * grants it. Used by the unit tests of the detectors; runs in the test's process. Exponential: for a handful of parties.
 *
 * A party that waits for nothing, on a thread that does not stand still, with no activity begun by it left, may end and gives back all it holds.
 * A wait may be granted when the lock allows it: blocking ones to their thread, others to a new activity, the callback.
 */
import type { LockScene, SceneHold, SceneWait } from '../../../../agent/agent-thread/model/lock-scene-types.ts';

interface State {
  readonly waits: readonly SceneWait[];
  readonly holds: readonly HeldLock[];
}

interface HeldLock {
  readonly lock: string;
  readonly hold: SceneHold;
}

export function deadWaits({ waits, locks, activities }: LockScene): Set<SceneWait> {
  const holds = [...locks.values()].flatMap(({ key, holds: held }) => held.map((hold) => ({ lock: key, hold })));
  const dead = new Set(waits);
  const seen = new Set<string>();
  const todo: State[] = [{ waits, holds }];
  const parents = new Map([...activities].map(([key, party]) => [key, `${party.thread.key}/${party.parentActivity}`]));
  for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
    const held = state.holds.map(({ lock, hold }) => [lock, hold.party.key, hold.mode]);
    const id = JSON.stringify([state.waits.map((wait) => waits.indexOf(wait)), held]);
    if (seen.has(id)) continue;
    seen.add(id);
    for (const wait of state.waits) {
      if (!isGrantable(wait, state)) continue;
      dead.delete(wait);
      todo.push(granted(wait, state, waits.indexOf(wait)));
    }
    for (const party of new Set(state.holds.map(({ hold }) => hold.party.key))) {
      if (canEnd(party, state, parents)) todo.push(withoutHolds(party, state));
    }
  }
  return dead;
}

function isGrantable(wait: SceneWait, { waits, holds }: State): boolean {
  const { kind, capacity, key } = wait.lock;
  const of = holds.filter(({ lock }) => lock === key).map(({ hold }) => hold);
  if (kind === 'semaphore' || kind === 'promise' || kind === 'mutex') return of.length < capacity;
  const isReader = wait.mode === 'shared';
  if (kind === 'rwlock') {
    const others = of.filter((hold) => hold !== claimOf(wait, of));
    return others.every(({ mode }) => isReader && mode === 'shared');
  }
  const earlier = waits.filter((other) => other.lock === wait.lock && other.sinceNs < wait.sinceNs);
  const ahead = [...of, ...earlier].every(({ mode }) => isReader && mode === 'shared');
  return ahead;
}

/** The writer's word, which the wait has already. */
function claimOf({ party, mode }: SceneWait, holds: readonly SceneHold[]): SceneHold | undefined {
  if (mode === 'shared') return undefined;
  return holds.find((hold) => hold.mode === 'exclusive' && hold.party.key === party.key);
}

function granted(wait: SceneWait, { waits, holds }: State, number: number): State {
  const held = holds.filter(({ lock }) => lock === wait.lock.key).map(({ hold }) => hold);
  const left = waits.filter((other) => other !== wait);
  if (wait.lock.kind === 'rwlock' && claimOf(wait, held) !== undefined) return { waits: left, holds };
  const { party, mode } = wait;
  const by = wait.isBlocking ? party : { ...party, key: `${party.thread.key}/new${number}` };
  const hold = { party: by, mode, sinceNs: undefined, site: '', stack: '', context: undefined };
  return { waits: left, holds: [...holds, { lock: wait.lock.key, hold }] };
}

function canEnd(party: string, { waits, holds }: State, parents: ReadonlyMap<string, string>): boolean {
  const [thread] = party.split('/');
  if (waits.some(({ isBlocking, party: { key } }) => isBlocking && key === thread)) return false;
  if (!party.includes('/')) return true;
  const isOfParty = (key: string | undefined): boolean => {
    return key !== undefined && (key === party || isOfParty(parents.get(key)));
  };
  const waiting = waits.filter(({ isBlocking }) => !isBlocking).map((wait) => wait.party.key);
  const holding = holds.map(({ hold }) => hold.party.key).filter((key) => key !== party);
  return ![...waiting, ...holding].some(isOfParty);
}

function withoutHolds(party: string, { waits, holds }: State): State {
  return { waits, holds: holds.filter(({ hold }) => hold.party.key !== party) };
}
