/**
 * The rule about what the agent's detectors have found: races, starvation, convoys, locks that are kept too long, notifications that nobody heard, pools that wait for
 * themselves. They run in the process of `gridwatch run --ui`. What was found the agent has said; here is what to do about it.
 */
import { counted } from '../quantities.ts';
import type { AgentEvent } from '../window/window.ts';
import { hasDeadlock } from './lock-mistakes.ts';
import type { Rule, Severity } from './rule.ts';

interface Wording {
  readonly severity: Severity;
  readonly advice: string;
}

/** By `gridwatch.finding`. */
const WORDINGS: Readonly<Record<string, Wording>> = {
  race: {
    severity: 'failure',
    advice: 'Hold the lock that guards the data at both places; an update may be lost otherwise.',
  },
  suspected_deadlock: {
    severity: 'failure',
    advice:
      'Take these locks in the same order everywhere, or in the callback that the lock runs: then it is certain who holds what.',
  },
  lost_wakeup: {
    severity: 'failure',
    advice: 'Wait at a condition in a loop that looks at the state first, with the mutex held.',
  },
  starvation: {
    severity: 'slow',
    advice:
      'Give the lock back for longer than it takes the others to wake up, or make it fair: new Mutex({ name, fair: true }).',
  },
  convoy: {
    severity: 'slow',
    advice: 'Do more while you have the lock, less often; or give each thread data of its own.',
  },
  held_across_turn: {
    severity: 'slow',
    advice:
      'Release the lock before the function returns to the event loop, or take it with acquireAsync() everywhere.',
  },
  held_across_gc: {
    severity: 'slow',
    advice: 'Make less garbage while you hold the lock: build what is new before you take it.',
  },
  pool_starvation: {
    severity: 'failure',
    advice:
      'Do not wait inside of a task for another task of the same pool or queue: give those to a second one, or do their work in the task itself.',
  },
};

export interface FoundByDetectors {
  readonly kind: string;
  readonly first: AgentEvent;
  readonly count: number;
}

export const detectorFindings: Rule<FoundByDetectors> = {
  check: (evidence) => {
    const byKind = new Map<string, AgentEvent[]>();
    for (const event of evidence.summary.events) {
      if (event.name !== 'gridwatch.finding' || !Object.hasOwn(WORDINGS, event.finding)) continue;
      byKind.set(event.finding, [...(byKind.get(event.finding) ?? []), event]);
    }
    /* Whatever else a program does that stands still follows from that. */
    if (hasDeadlock(evidence)) return [];
    return [...byKind].map(([kind, events]) => ({ kind, first: events[0] as AgentEvent, count: events.length }));
  },
  format: ({ kind, first, count }) => {
    const { severity, advice } = WORDINGS[kind] as Wording;
    return {
      severity,
      costS: 0,
      title: `${first.body.charAt(0).toUpperCase()}${first.body.slice(1)}.`,
      facts: count > 1 ? [`The first of ${counted(count, 'such finding', 'such findings')}.`] : [],
      advice,
      site: first.site,
    };
  },
};
