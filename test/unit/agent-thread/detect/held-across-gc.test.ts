/** Waits that garbage collection on the holder's thread made long, whichever is told first. */
import { beforeEach, describe, expect, test } from 'vitest';
import { HeldAcrossGc, type LongWait } from '../../../../agent/agent-thread/detect/held-across-gc.ts';
import { RecordedFindings, RecordedVoices } from './recorded-voices.ts';
import { threadNamed } from './scenes.ts';

const MS = 1e6;
const S = 1e9;

let findings: RecordedFindings;
let detector: HeldAcrossGc;

beforeEach(() => {
  findings = new RecordedFindings();
  detector = new HeldAcrossGc({ voices: new RecordedVoices(), findings });
});

/** t2 waits for what t1 holds, from 1 s on. */
function wait(durationMs: number): LongWait {
  const holder = { holderWord: 4, slot: 0, siteNumber: 0, stackNumber: 0, context: undefined };
  return {
    record: {
      lockId: 1,
      classNumber: 0,
      kind: 'mutex',
      mode: 'exclusive',
      outcome: 'acquired',
      startNs: S,
      durationNs: durationMs * MS,
      siteNumber: 0,
      stackNumber: 0,
      context: undefined,
      holder,
      instanceNumber: 0,
    },
    lock: { key: 'L1', lockId: 1, kind: 'mutex', className: 'a', instance: '' },
    waiter: threadNamed('t2'),
    holder: threadNamed('t1'),
    place: { site: 'shop.js:1', stack: '' },
  };
}

const told = (): readonly string[] => findings.all.map(({ body }) => body);
const SENTENCE = 't2 waited 100 ms for "a", 60 ms of it while garbage was collected on t1, which held it';

describe('a wait that is mostly the holder’s garbage collection', () => {
  test('is told when the pause is known first', () => {
    detector.paused('t1', S + 10 * MS, 60 * MS);
    detector.waited(wait(100));
    expect(told()).toEqual([SENTENCE]);
  });

  test('is told when the pause is known last, once', () => {
    detector.waited(wait(100));
    for (let tell = 0; tell < 3; tell++) detector.paused('t1', S + 10 * MS, 60 * MS);
    detector.paused('t1', S + 80 * MS, 10 * MS);
    expect(told()).toEqual([SENTENCE]);
  });

  test('may be several pauses; one that is told twice counts once', () => {
    detector.waited(wait(100));
    detector.paused('t1', S, 30 * MS);
    detector.paused('t1', S, 30 * MS);
    expect(told()).toEqual([]);
    detector.paused('t1', S + 50 * MS, 30 * MS);
    expect(told()).toEqual([SENTENCE]);
  });

  test.each<[name: string, thread: string, startMs: number, pauseMs: number, waitMs: number]>([
    ['of another thread', 't3', 10, 60, 100],
    ['before the wait', 't1', -70, 60, 100],
    ['after it', 't1', 110, 60, 100],
    ['mostly outside of it', 't1', -50, 90, 100],
    ['shorter than half of it', 't1', 10, 40, 100],
    ['in a wait too short to be shown', 't1', 0, 15, 19],
  ])('is not one with a pause %s', (_, thread, startMs, pauseMs, waitMs) => {
    detector.paused(thread, S + startMs * MS, pauseMs * MS);
    detector.waited(wait(waitMs));
    detector.paused(thread, S + startMs * MS, pauseMs * MS);
    expect(told()).toEqual([]);
  });

  test('is forgotten after five seconds', () => {
    detector.waited(wait(100));
    detector.look(1.1 * S + 5 * S);
    detector.paused('t1', S + 10 * MS, 60 * MS);
    expect(told()).toEqual([]);
  });
});
