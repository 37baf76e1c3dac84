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

export const abandonedLocks: Rule<LockMistakes> = ruleFor('gridwatch.lock.abandoned', {
  costS: 0,
  noun: 'abandoned lock',
  advice: "What the lock protects may be half changed: look at the next holder's `lease.abandoned`, and repair it.",
});

interface Wording {
  /** Orders failures. */
  readonly costS: number;
  readonly noun: string;
  readonly nouns?: string;
  readonly advice: string;
}

function ruleFor(eventName: string, { costS, noun, nouns = `${noun}s`, advice }: Wording): Rule<LockMistakes> {
  return {
    check: ({ summary }) => {
      const told = summary.events.filter(({ name }) => name === eventName);
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
