/** Waits that last: what is long, what is starved, what was notified too early, and what is none of these. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LongWaits } from '../../../../agent/agent-thread/detect/long-waits.ts';
import type { SceneLockCounts } from '../../../../agent/agent-thread/model/lock-scene-types.ts';
import type { LockKind } from '../../../../agent/shared-memory/lock-block.ts';
import { RecordedFindings, RecordedVoices } from './recorded-voices.ts';
import { Program } from './scenes.ts';

const S = 1e9;

let voices: RecordedVoices;
let findings: RecordedFindings;
let isStuck: boolean;
let waits: LongWaits;

beforeEach(() => {
  voices = new RecordedVoices();
  findings = new RecordedFindings();
  isStuck = false;
  waits = new LongWaits({ voices, findings, isStuck: () => isStuck });
});

/** Looks ten times a second. */
function pass(seconds: number, programAt: (atS: number) => Program): void {
  for (let tenth = 0; tenth <= seconds * 10; tenth++) waits.look(programAt(tenth / 10).scene((tenth / 10) * S));
}

describe('a long wait', () => {
  const held = (): Program => new Program().hold('a', 't1', { site: 'shop.js:3:4' }).wait('t2', 'a');

  test('is told once, after ten seconds, with its holder', () => {
    pass(9.9, held);
    expect(voices.logs).toEqual([]);
    pass(120, held);
    expect(voices.logs).toHaveLength(1);
    expect(voices.logs[0]).toMatchObject({ eventName: 'gridwatch.wait.long', key: 'a', timeNs: 10 * S });
    expect(voices.logs[0]?.attributes).toMatchObject({
      'thread.name': 't2',
      'gridwatch.lock.name': 'a',
      'gridwatch.lock.holder.thread.name': 't1',
      'gridwatch.wait.duration': 10,
    });
    expect(findings.lines).toEqual(['t2 has waited 10 s for "a", held by t1']);
  });

  test('is not told of a deadlock, which is told already', () => {
    isStuck = true;
    pass(30, held);
    expect(voices.logs).toEqual([]);
  });

  test('nor where nobody has the lock, nor of waits that follow each other', () => {
    pass(30, () => new Program().wait('t2', 'a'));
    pass(30, (atS) =>
      new Program().hold('a', 't1').wait('t2', 'a', { number: Math.floor(atS), sinceNs: Math.floor(atS) * S }),
    );
    expect(voices.logs).toEqual([]);
  });

  test.each<LockKind>(['condition', 'barrier', 'channel', 'atomics'])(
    'nor of an idle pool at a %s, for an hour',
    (kind) => {
      const counts = { acquisitions: 5, unheard: 3 };
      const program = new Program().lock('a', { kind, counts }).wait('t1', 'a').wait('t2', 'a').wait('t3', 'a');
      for (let atS = 0; atS < 3600; atS++) waits.look(program.scene(atS * S));
      expect(voices.logs).toEqual([]);
      expect(findings.all).toEqual([]);
    },
  );

  test('nor of a queue of activities that moves, however long it is; but of one that does not', () => {
    const queue = (heldSinceS: number): Program => {
      const program = new Program().lock('p', { kind: 'promise', lockId: -1, capacity: 0 });
      return program.hold('p', 't1/1', { sinceNs: heldSinceS * S }).wait('t1/2', 'p');
    };
    pass(600, (atS) => queue(Math.max(0, atS - 50)));
    expect(voices.logs).toEqual([]);
    pass(600, () => queue(0));
    expect(voices.logs).toHaveLength(1);
  });
});

describe('a starved waiter', () => {
  /** The lock is taken `perS` times a second, while one of so many waiters waits on. */
  const taken =
    (perS: number, others: number) =>
    (atS: number): Program => {
      const program = new Program().lock('a', { counts: { acquisitions: Math.round(atS * perS) } }).hold('a', 't9');
      for (let other = 1; other <= others; other++)
        program.wait(`t2${other}`, 'a', { number: atS * 10, sinceNs: atS * S });
      return program.wait('t1', 'a', { number: 1 });
    };

  test('is told once', () => {
    pass(5, taken(1000, 3));
    expect(findings.all.map(({ finding, key }) => [finding, key])).toEqual([['starvation', 'a']]);
    expect(findings.all[0]?.body).toBe('t1 has waited 1.0 s for "a" while others got it 1000 times');
  });

  test('has been passed over twenty times for each that waits or holds', () => {
    /* 20 x (31 + 1) = 640 turns; at 100 a second that is six and a half seconds. */
    pass(6.2, taken(100, 30));
    expect(findings.all).toEqual([]);
    pass(9, taken(100, 30));
    expect(findings.all).toHaveLength(1);
  });

  test('has waited for a second', () => {
    pass(0.9, taken(1e6, 1));
    expect(findings.all).toEqual([]);
  });

  test('is none behind one who holds the lock long', () => {
    pass(9, taken(2, 3));
    expect(findings.all).toEqual([]);
  });

  test('is seen although the count wraps', () => {
    const from = 2 ** 32 - 300;
    pass(5, (atS) => {
      const acquisitions = (from + Math.round(atS * 1000)) % 2 ** 32;
      return new Program().lock('a', { counts: { acquisitions } }).hold('a', 't9').wait('t1', 'a');
    });
    expect(findings.all).toHaveLength(1);
  });
});

describe('a notification that came too early', () => {
  const condition = (counts: Partial<SceneLockCounts>) => (): Program =>
    new Program().lock('ready', { kind: 'condition', counts }).wait('t1', 'ready');
  const told = (): readonly string[] => findings.all.map(({ finding }) => finding);

  test('is suspected when nobody has looked at the state since', () => {
    /* Notified once with the mutex, waited once with the mutex. */
    pass(30, condition({ unheard: 1, condition: { waits: 1, heard: 0, mutexAcquisitions: 2 } }));
    expect(told()).toEqual(['lost_wakeup']);
  });

  test('is none when the consumer has taken what it was told of, and is idle now', () => {
    /* Put, taken, and looked at once more before waiting. */
    pass(30, condition({ unheard: 1, condition: { waits: 1, heard: 0, mutexAcquisitions: 3 } }));
    expect(told()).toEqual([]);
  });

  test('nor when the condition has ever worked, or nobody has notified it, or it is not known', () => {
    pass(30, condition({ unheard: 1, condition: { waits: 2, heard: 1, mutexAcquisitions: 3 } }));
    pass(30, condition({ unheard: 0, condition: { waits: 1, heard: 0, mutexAcquisitions: 1 } }));
    pass(30, condition({ unheard: 1 }));
    expect(told()).toEqual([]);
  });

  test('nor within ten seconds', () => {
    pass(9.9, condition({ unheard: 1, condition: { waits: 1, heard: 0, mutexAcquisitions: 2 } }));
    expect(told()).toEqual([]);
  });
});
