/** A long pause that no request claims is shown after ten seconds; a claimed one never. */
import { beforeEach, expect, it } from 'vitest';
import type { SpanRecord } from '../../../agent/agent-thread/telemetry/spans.ts';
import { UnclaimedPauses } from '../../../agent/agent-thread/unclaimed-pauses.ts';

const THREAD = { slot: 3, generation: 1 };

let shown: number[];
let pauses: UnclaimedPauses;

beforeEach(() => {
  shown = [];
  pauses = new UnclaimedPauses(({ startNs }) => shown.push(startNs));
});

function pause(startNs: number): SpanRecord {
  return { name: 'gc major', startNs, endNs: startNs + 2e8, attributes: {} };
}

it('waits for ten seconds from its end', () => {
  pauses.add(THREAD, pause(1e9));
  pauses.tick(11.1e9);
  expect(shown).toEqual([]);
  pauses.tick(11.2e9);
  pauses.tick(60e9);
  expect(shown).toEqual([1e9]);
});

it('a request may claim it until then, that of its own thread and life alone', () => {
  pauses.add(THREAD, pause(1e9));
  pauses.add(THREAD, pause(2e9));
  pauses.claim(THREAD, 1e9);
  pauses.claim({ slot: 4, generation: 1 }, 2e9);
  pauses.claim({ slot: 3, generation: 2 }, 2e9);
  pauses.claim(THREAD, 3e9);
  pauses.flush();
  expect(shown).toEqual([2e9]);
});

it('a flush shows all at once', () => {
  for (let i = 1; i <= 3; i++) pauses.add(THREAD, pause(i * 1e9));
  pauses.flush();
  pauses.flush();
  expect(shown).toEqual([1e9, 2e9, 3e9]);
});

it('of more than 1024 the oldest is shown early', () => {
  for (let i = 1; i <= 1026; i++) pauses.add(THREAD, pause(i));
  expect(shown).toEqual([1, 2]);
});
