/**
 * The rules about locks that are used wrongly, as the agent has told of them: deadlocks, locks that are taken in both orders, and locks that a thread left behind.
 * They run in the process of `gridwatch run --ui`. How long locks are waited for is another rule's.
 */
import { counted } from '../quantities.ts';
import type { AgentEvent } from '../window/window.ts';
import type { Evidence, Rule } from './rule.ts';

/** Mistakes of one kind; the reader has the others on the terminal. */
export interface LockMistakes {
  readonly first: AgentEvent;
  readonly count: number;
}

/** Whether threads waited because they could not go on: how long says nothing of the locks then. */
export function hasDeadlock({ summary }: Evidence): boolean {
  return summary.events.some(({ name }) => name === 'gridwatch.deadlock');
}

export const deadlocks: Rule<LockMistakes> = ruleFor('gridwatch.deadlock', {
  // Worse than anything else: the program stands still.
  costS: Number.MAX_SAFE_INTEGER,
  noun: 'deadlock',
  advice:
    'Take these locks in the same order everywhere, or hold one of them at a time. GRIDWATCH_DEADLOCK_ACTION=abort gives one of the waits an error, so that the others go on.',
});

export const lockOrders: Rule<LockMistakes> = ruleFor('gridwatch.lock.order.inversion', {
  costS: 0,
  noun: 'pair of locks in both orders',
  nouns: 'pairs of locks in both orders',
  advice: 'Take both in the same order everywhere; until then a deadlock is a matter of time.',
});

const ABANDONED = 'gridwatch.lock.abandoned';

export const abandonedLocks: Rule<LockMistakes> = ruleFor(ABANDONED, {
  costS: 0,
  isAbout: ({ lockKind }) => lockKind !== 'channel' && lockKind !== 'barrier',
  noun: 'abandoned lock',
  advice: "What the lock protects may be half changed: look at the next holder's `lease.abandoned`, and repair it.",
});

export const lostItems: Rule<LockMistakes> = ruleFor(ABANDONED, {
  costS: 0,
  isAbout: ({ lockKind }) => lockKind === 'channel',
  noun: 'item that was lost with its sender',
  nouns: 'items that were lost with their senders',
  advice: 'Nobody receives that item: let a worker finish before it is terminated, or send again what is not answered.',
});

export const brokenRounds: Rule<LockMistakes> = ruleFor(ABANDONED, {
  costS: 0,
  isAbout: ({ lockKind }) => lockKind === 'barrier',
  noun: 'broken round',
  advice:
    'The others of the round get ERR_GRIDWATCH_BARRIER_BROKEN: let them give the work up, or begin again with `reset()` once another thread has taken its place.',
});

interface Wording {
  /** Orders failures. */
  readonly costS: number;
  /** Which of the events of that name; all by default. */
  readonly isAbout?: (event: AgentEvent) => boolean;
  readonly noun: string;
  readonly nouns?: string;
  readonly advice: string;
}

function ruleFor(eventName: string, wording: Wording): Rule<LockMistakes> {
  const { costS, isAbout = () => true, noun, nouns = `${noun}s`, advice } = wording;
  return {
    check: ({ summary }) => {
      const told = summary.events.filter((event) => event.name === eventName && isAbout(event));
      const [first] = told;
      return first === undefined ? [] : [{ first, count: told.length }];
    },
    format: ({ first, count }) => ({
      severity: 'failure',
      costS,
      title: sentence(first.body),
      facts: count > 1 ? [`The first of ${counted(count, noun, nouns)}.`] : [],
      advice,
      site: first.site,
    }),
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
