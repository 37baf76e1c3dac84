/** Convoys, and locks that are kept while an event loop turns; and busy locks that are neither. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ContendedLocks } from '../../../../agent/agent-thread/detect/contended-locks.ts';
import { RecordedFindings, RecordedVoices } from './recorded-voices.ts';
import { Program } from './scenes.ts';

const S = 1e9;
const US = 1e3;

let findings: RecordedFindings;
let locks: ContendedLocks;

beforeEach(() => {
  findings = new RecordedFindings();
  locks = new ContendedLocks({ voices: new RecordedVoices(), findings });
});

function pass(seconds: number, programAt: (atS: number) => Program): void {
  for (let tenth = 0; tenth <= seconds * 10; tenth++) locks.look(programAt(tenth / 10).scene((tenth / 10) * S));
}

interface Load {
  readonly perS?: number;
  readonly contended?: number;
  readonly holdUs?: number;
  readonly waiters?: number;
}

/** A mutex that is taken so often, with so many waiting at each look, each for a new wait. */
function busy({ perS = 5000, contended = 1, holdUs = 10, waiters = 6 }: Load) {
  return (atS: number): Program => {
    const acquisitions = Math.round(atS * perS);
    const counts = {
      acquisitions,
      contentions: Math.round(acquisitions * contended),
      holds: acquisitions,
      holdNs: acquisitions * holdUs * US,
    };
    const program = new Program().lock('a', { counts }).hold('a', 't99');
    for (let waiter = 0; waiter < waiters; waiter++) program.wait(`t${waiter}`, 'a', { number: acquisitions });
    return program;
  };
}

describe('a convoy', () => {
  test('is told once, after five seconds', () => {
    pass(4.9, busy({}));
    expect(findings.all).toEqual([]);
    pass(60, busy({}));
    expect(findings.all.map(({ finding }) => finding)).toEqual(['convoy']);
    expect(findings.all[0]?.body).toMatch(
      /^6 threads queue for "a", which is held for 10.0 us at a time, 5000 times a second/,
    );
  });

  test.each<[name: string, load: Load]>([
    ['a lock that is held most of the time: its holders are what is waited for', { holdUs: 150 }],
    ['a lock that most get without waiting: it is fast', { contended: 0.5 }],
    ['a lock that is seldom taken', { perS: 50, holdUs: 1000 }],
    ['a short queue', { waiters: 3 }],
  ])('is not %s', (_, load) => {
    pass(60, busy(load));
    expect(findings.all).toEqual([]);
  });

  test('is told within ten seconds where the lock had its queue long before, while its holders or the machine were slow', () => {
    const counts = { acquisitions: 0, contentions: 0, holds: 0, holdNs: 0 };
    const look = (tenth: number, perTenth: number, holdUs: number): void => {
      counts.acquisitions += perTenth;
      counts.contentions += perTenth;
      counts.holds += perTenth;
      counts.holdNs += perTenth * holdUs * US;
      const program = new Program().lock('a', { counts: { ...counts } }).hold('a', 't99');
      for (let waiter = 0; waiter < 6; waiter++) program.wait(`t${waiter}`, 'a', { number: counts.acquisitions });
      locks.look(program.scene((tenth / 10) * S));
    };
    for (let tenth = 0; tenth < 3000; tenth++) look(tenth, 5, 19_000);
    for (let tenth = 3000; tenth < 6000; tenth++) look(tenth, 2, 10);
    expect(findings.all).toEqual([]);
    for (let tenth = 6000; tenth <= 6100; tenth++) look(tenth, 50, 10);
    expect(findings.all.map(({ finding }) => finding)).toEqual(['convoy']);
    expect(findings.all[0]?.body).toContain('which is held for 10.0 us at a time, 500 times a second');
  });

  test('is over when the queue was short at one look', () => {
    pass(60, (atS) => busy(Math.round(atS * 10) % 40 === 0 ? { waiters: 1 } : {})(atS));
    expect(findings.all).toEqual([]);
  });
});

describe('a lock that is kept while the loop turns', () => {
  interface Keeping {
    readonly turns: number;
    readonly acquisitions?: number;
    readonly isAsync?: boolean;
    readonly isBlocked?: boolean;
  }

  function kept({ turns, acquisitions = 7, isAsync = false, isBlocked = false }: Keeping): Program {
    const program = new Program().thread('t1', { turns }).lock('a', { counts: { acquisitions } });
    if (isAsync) program.hold('a', 't1/4', { sinceNs: 1 });
    else program.hold('a', 't1');
    if (isBlocked) program.wait('t1', 'b');
    return program.wait('t2', 'a');
  }

  test('is told once a hold, with who waits and who keeps it', () => {
    pass(10, (atS) => kept({ turns: Math.round(atS * 50) }));
    expect(findings.all.map(({ finding }) => finding)).toEqual(['held_across_turn']);
    expect(findings.all[0]?.attributes).toMatchObject({
      'thread.name': 't2',
      'gridwatch.lock.holder.thread.name': 't1',
    });
  });

  test('is none while the loop does not turn, nor in the turn after', () => {
    pass(10, () => kept({ turns: 5 }));
    pass(10, (atS) => kept({ turns: atS < 5 ? 5 : 6 }));
    expect(findings.all).toEqual([]);
  });

  test('nor when it is taken anew each time', () => {
    pass(10, (atS) => kept({ turns: Math.round(atS * 50), acquisitions: Math.round(atS * 50) }));
    expect(findings.all).toEqual([]);
  });

  test('nor when it was taken asynchronously, which is to be held so; nor of a thread that is blocked', () => {
    pass(10, (atS) => kept({ turns: Math.round(atS * 50), isAsync: true }));
    pass(10, (atS) => kept({ turns: Math.round(atS * 50), isBlocked: true }));
    expect(findings.all).toEqual([]);
  });
});
