/**
 * A channel under every interleaving of senders, receivers and a closing, with a death before every step. What runs is `channel-queue.ts` and
 * `parking-word.ts` themselves; each broken variant shows a part of them that is needed. A sender can be skipped again and again: what is explored is
 * one time.
 */
import { describe, expect, test } from 'vitest';
import { headline } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import { type ChannelPlan, exploreChannel, queueChange } from './channel-model.ts';

/** The largest of them has some 150 000 states: seconds on a quiet machine. */
const LONG_MS = 240_000;

const TWO_SENDERS: ChannelPlan = { isTrying: true, capacity: 1, senders: [1, 1], receivers: [1] };
const TWO_RECEIVERS: ChannelPlan = { isTrying: true, capacity: 1, senders: [2], receivers: [1, 1] };
const ROOM_FOR_TWO: ChannelPlan = { isTrying: true, capacity: 2, senders: [1, 1], receivers: [1] };
const CLOSED: ChannelPlan = { isTrying: true, capacity: 2, senders: [1, 1], receivers: [], closes: 'any time' };
const WAITING: ChannelPlan = { capacity: 1, senders: [2], receivers: [2] };
const WAITING_FOR_THE_END: ChannelPlan = { capacity: 1, senders: [1], receivers: [Infinity], closes: 'any time' };

describe('a channel, in every interleaving', () => {
  test.each<[what: string, plan: ChannelPlan]>([
    ['two senders', TWO_SENDERS],
    ['two receivers', TWO_RECEIVERS],
    ['room for two', ROOM_FOR_TWO],
    ['a closing', CLOSED],
  ])(
    'N1, N2, N3, N4: %s',
    async (_, plan) => {
      expect(headline(await exploreChannel(plan))).toBe('nothing');
    },
    LONG_MS,
  );

  test.each<[what: string, plan: ChannelPlan]>([
    ['one waits for the other', WAITING],
    ['one waits until the channel is closed', WAITING_FOR_THE_END],
  ])(
    'N1, P1: %s',
    async (_, plan) => {
      expect(headline(await exploreChannel(plan))).toBe('nothing');
    },
    LONG_MS,
  );

  test.each<[what: string, plan: ChannelPlan, mayDie: string[]]>([
    ['a sender or the receiver', TWO_SENDERS, ['s1', 'r1']],
    ['the sender or a receiver', TWO_RECEIVERS, ['s1', 'r1']],
  ])(
    'N1, N5: %s dies at any step',
    async (_, plan, mayDie) => {
      expect(headline(await exploreChannel(plan, [], { mayDie }))).toBe('nothing');
    },
    LONG_MS,
  );

  test.each<[mistake: string, found: string, plan: ChannelPlan, changes: Change[]]>([
    [
      'a sender does not see that it was skipped',
      'N',
      TWO_SENDERS,
      [
        queueChange(
          'else if (Atomics.compareExchange(i32, cellAt >> 2, free, this.#writing) === free) {',
          'else { Atomics.store(i32, cellAt >> 2, this.#writing);',
        ),
      ],
    ],
    [
      'room is looked for before the claim only',
      'N3',
      TWO_SENDERS,
      [queueChange('if (claimed !== ticket || !this.#hasRoom(ticket))', 'if (claimed !== ticket)')],
    ],
    [
      'an item is taken by whoever stores first',
      'N1',
      TWO_RECEIVERS,
      [
        queueChange(
          'if (Atomics.compareExchange(i32, cellAt >> 2, full, this.#freeAfter(head)) !== full) return false;',
          'Atomics.store(i32, cellAt >> 2, this.#freeAfter(head));',
        ),
      ],
    ],
    ['an item is read after it was taken', 'N', { ...TWO_SENDERS, capacity: 2, senders: [3], readsLate: true }, []],
    [
      'a ticket skipped a lap before its time stops the head',
      'N5',
      ROOM_FOR_TWO,
      [queueChange('lapsAhead > 0 && lapsAhead <= this.#lapMask >>> 1', 'lapsAhead === 1')],
    ],
    ['a sender at work is taken for dead', 'N', TWO_SENDERS, [queueChange('if (!isDead) return NoCell.BUSY;', '')]],
    [
      'a ticket without a name is passed, not skipped',
      'N',
      TWO_SENDERS,
      [
        queueChange(
          'this.#skip(cellAt, state, head);\n      return PASSED;',
          'Atomics.compareExchange(i32, this.#headAt, head, head + 2); return PASSED;',
        ),
      ],
    ],
    [
      'a claim does not see the closing',
      'N4',
      WAITING_FOR_THE_END,
      [queueChange('if (claimed !== ticket || !this.#hasRoom(ticket))', 'if (!this.#hasRoom(ticket))')],
    ],
    [
      'a sender wakes nobody',
      'waits for ever',
      WAITING,
      [queueChange('CellPhase.FULL);\n      globalThis', 'CellPhase.FULL); return;\n      globalThis')],
    ],
    [
      'who announces a wait does not look again',
      'waits for ever',
      WAITING,
      [
        queueChange(
          'found = attempt();\n    }\n    if (found === NoCell.CLOSED)',
          '}\n    if (found === NoCell.CLOSED)',
        ),
      ],
    ],
    [
      'the closing wakes nobody',
      'waits for ever',
      WAITING_FOR_THE_END,
      [queueChange('wakeAll(i32, this.receiversAt, this.#generationAt);\n      return true;', 'return true;')],
    ],
    [
      'a woken thread looks before it says so',
      'waits for ever',
      WAITING,
      [
        queueChange('if (hasParked) endParking(i32, at);\n    let found = attempt();', 'let found = attempt();'),
        queueChange(
          'found = attempt();\n    }\n    if (found === NoCell.CLOSED)',
          'found = attempt(); if (hasParked) endParking(i32, at);\n    }\n    if (found === NoCell.CLOSED)',
        ),
      ],
    ],
  ])(
    'a mistake is found: %s',
    async (_, found, plan, changes) => {
      expect(headline(await exploreChannel(plan, changes))).toContain(found);
    },
    LONG_MS,
  );

  test(
    'a dead sender that is left alone is in the way of the others',
    async () => {
      const alone = queueChange('if (!isDead) return NoCell.BUSY;', 'return NoCell.BUSY;');
      const exploration = await exploreChannel({ ...TWO_SENDERS, capacity: 2 }, [alone], { mayDie: ['s1'] });
      expect(headline(exploration)).toContain('N5');
    },
    LONG_MS,
  );
});
