/**
 * An end of a channel that travels in a message, under every interleaving of who sends it, who takes it, and the agent thread that gives channels back, with a death
 * before every step. What runs are the sources of the ledger themselves; each broken variant shows a part of them that is needed.
 */
import { describe, expect, test } from 'vitest';
import { type Exploration, explore, headline, host, Violation } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import { CLAIMS, change, isAlive, LEDGER, load, type Name, posting } from './ledger-model.ts';

describe('an end that travels, in every interleaving', () => {
  interface Order {
    /** The receiver counts the message before it takes what it carried. */
    readonly countsFirst?: boolean;
  }

  /** `a` sends an end of channel 1 through channel 0 to `b`, who uses and closes it; the agent thread looks at any time, and when both are gone. */
  async function exploreFlight(
    changes: readonly Change[] = [],
    mayDie: readonly Name[] = ['a', 'b'],
    { countsFirst = false }: Order = {},
  ): Promise<Exploration> {
    const { memory, ledger, entries } = await load(changes);
    const travelling = memory.endAt(1, 1);
    const word = (name: Name, state: number): number => ledger.ownerWord(CLAIMS[name], state);
    const { OPEN, CLOSED } = ledger.EndState;
    return explore({
      initial: [
        [memory.endAt(0, 0), word('a', OPEN)],
        [memory.endAt(0, 1), word('b', OPEN)],
        [memory.endAt(1, 0), CLOSED],
        [travelling, word('a', OPEN)],
      ],
      mayDie,
      mayWait: ['b'],
      threads: {
        a: () => {
          const carriage = { channel: 0, direction: 0, sequence: 0, next: 0, position: 0 };
          ledger.launchEnd(memory, travelling, CLAIMS.a, carriage);
          entries.postEntry(memory, 0, posting(0), 4);
          host.tell('message', 1);
        },
        b: () => {
          host.until('message');
          const taken = new entries.TakenEntry();
          if (!entries.readEntry(memory, 0, taken) || taken.firstPort !== 4) throw new Violation('M7: no entry');
          if (countsFirst) entries.countDelivery(memory, 0);
          const isTaken = ledger.isCarriedBy(memory, travelling, 0, 0) && ledger.landEnd(memory, travelling, CLAIMS.b);
          if (isTaken) host.note('has', 1);
          else throw new Violation('M5: what was delivered was not there');
          if (!countsFirst) entries.countDelivery(memory, 0);
          host.note('has', 0);
          ledger.closeEnd(memory, travelling);
        },
        agent: () => {
          const alive = isAlive(['a', 'b']);
          if (ledger.isOver(memory, 1, alive)) host.note('over', 1);
          host.untilGone('a');
          if (host.peek('message') !== 0) host.untilGone('b');
          else if (!host.isGone('b')) return;
          if (!ledger.isOver(memory, 1, alive)) throw new Violation('M5: what nobody can take is not over');
        },
      },
      always: ({ get, status }) =>
        get('has') === 1 && status('b') === 'running' && get('over') === 1
          ? 'M4: it is over while it is used'
          : undefined,
      atEnd: () => undefined,
    });
  }

  test('M3, M5: it is taken by who receives it, or lost when nobody can, whoever dies at whatever step', async () => {
    expect(headline(await exploreFlight())).toBe('nothing');
  });

  test('M5: to count a message before its ends are taken is a mistake', async () => {
    expect(headline(await exploreFlight([], [], { countsFirst: true }))).toMatch(/^b: M5|^M4/);
  });

  test.each<[mistake: string, change: Change]>([
    [
      'one that is lost as soon as its message is next',
      change(LEDGER, '- sequence) | 0) > 0) return true;', '- sequence) | 0) >= 0) return true;'),
    ],
    [
      'one that is lost when its sender is dead',
      change(
        LEDGER,
        'const isGone = state === EndState.OPEN ? !isAlive(word) : isLost(',
        'const isGone = state === EndState.OPEN || !isAlive(word) ? !isAlive(word) : isLost(',
      ),
    ],
    [
      'one that is lost with a receiver that lives',
      change(LEDGER, '(state === EndState.OPEN && !isAlive(receiver))', 'state === EndState.OPEN'),
    ],
    [
      'one that is never lost',
      change(LEDGER, 'state === EndState.CLOSED || (state === EndState.OPEN && !isAlive(receiver))', 'false'),
    ],
    [
      'one that is never over when its owner is dead',
      change(
        LEDGER,
        'const isGone = state === EndState.OPEN ? !isAlive(word) :',
        'const isGone = state === EndState.OPEN ? false :',
      ),
    ],
    [
      'one that flies before it is said where',
      change(
        LEDGER,
        'i32[(endAt + END.CARRIER) >> 2] = ((carriage',
        'Atomics.store(i32, (endAt + END.WORD) >> 2, ownerWord(claim, EndState.IN_FLIGHT));\n  i32[(endAt + END.CARRIER) >> 2] = ((carriage',
      ),
    ],
    [
      'one that is lost by a store',
      change(
        LEDGER,
        'return isGone && Atomics.compareExchange(i32, at, word, EndState.CLOSED) === word;',
        'if (isGone) Atomics.store(i32, at, EndState.CLOSED);\n  return isGone;',
      ),
    ],
  ])('a mistake is found: %s', async (_, mistake) => {
    expect(headline(await exploreFlight([mistake]))).not.toBe('nothing');
  });

  /** One thread sends an end to itself, twice: the second flight must not be taken for the first. */
  async function exploreTwice(changes: readonly Change[] = []): Promise<Exploration> {
    const { memory, ledger, entries } = await load(changes);
    const travelling = memory.endAt(1, 1);
    const own = ledger.ownerWord(CLAIMS.a, ledger.EndState.OPEN);
    return explore({
      initial: [
        [memory.endAt(0, 0), own],
        [memory.endAt(0, 1), own],
        [memory.endAt(1, 0), ledger.EndState.CLOSED],
        [travelling, own],
      ],
      mayWait: [],
      threads: {
        a: () => {
          for (let sequence = 0; sequence < 2; sequence++) {
            ledger.launchEnd(memory, travelling, CLAIMS.a, {
              channel: 0,
              direction: 0,
              sequence,
              next: 0,
              position: 0,
            });
            entries.postEntry(memory, 0, undefined, 4);
            if (!ledger.landEnd(memory, travelling, CLAIMS.a)) throw new Violation('M3: it was taken by somebody else');
            entries.countDelivery(memory, 0);
          }
        },
        agent: () => {
          if (ledger.isOver(memory, 1, () => true)) throw new Violation('M3: it is over while it is used');
        },
      },
      maxPendingStores: 0,
    });
  }

  test('M3: a second flight is not taken for the first', async () => {
    expect(headline(await exploreTwice())).toBe('nothing');
    const sameWord = change(LEDGER, '+ ONE_FLIGHT) & FLIGHTS;', '& 0) & FLIGHTS;');
    expect(headline(await exploreTwice([sameWord]))).toContain('M3');
  });
});
