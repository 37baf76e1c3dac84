/**
 * The ledger under every interleaving of those who post, take, transfer and close, and of the agent thread that gives channels back, with a death before every
 * step. What runs are `ledger.ts`, `ledger-entries.ts` and `ledger-sweep.ts` themselves, with two channels, a ring of one entry and one segment of two; each broken
 * variant shows a part of them that is needed.
 */
import { describe, expect, test, vi } from 'vitest';
import { type Exploration, explore, headline, host, type Model, Violation } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import { CLAIMS, change, ENTRIES, isAlive, LEDGER, load, type Name, posting, SEGMENTS, SWEEP } from './ledger-model.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('entries, in every interleaving', () => {
  /** `a` posts, `b` takes, the agent thread looks at the oldest, then gives the channel back. What passes between them is a message of Node's. */
  async function exploreEntries(
    changes: readonly Change[] = [],
    model: Partial<Model> = {},
    posts = 3,
  ): Promise<Exploration> {
    const { memory, ledger, entries, sweep, layout } = await load(changes);
    const carrier = 0;
    const deliveredAt = (memory.directionAt(0, 0) + layout.DIRECTION.DELIVERED) >> 2;
    const open = (end: number, name: Name): readonly [number, number] => [
      memory.endAt(0, end),
      ledger.ownerWord(CLAIMS[name], ledger.EndState.OPEN),
    ];
    return explore({
      initial: [[memory.stateAt(0), ledger.ownerWord(CLAIMS.a, ledger.ChannelState.LIVE)], open(0, 'a'), open(1, 'b')],
      mayWait: ['b'],
      threads: {
        a: () => {
          for (let n = 0; n < posts; n++) {
            entries.postEntry(memory, carrier, posting(n), 0);
            /* The second could not be posted at first. */
            if (n === 1) {
              entries.takeBack(memory, carrier);
              entries.postEntry(memory, carrier, posting(n), 0);
            }
            host.tell(`message ${n}`, 1);
          }
        },
        b: () => {
          const taken = new entries.TakenEntry();
          for (let n = 0; n < posts; n++) {
            host.until(`message ${n}`);
            if (!entries.readEntry(memory, carrier, taken)) throw new Violation('M7: out of step');
            const { isKnown, postedNs, senderSlot } = taken;
            if (isKnown && (postedNs !== n + 1 || senderSlot !== n + 1))
              throw new Violation(`M7, M8: message ${n} with the entry of ${postedNs - 1}, ${senderSlot - 1}`);
            /* One place in the ring, two in the segment. */
            if (!isKnown && n < 3) throw new Violation(`M9: message ${n} has no entry`);
            entries.countDelivery(memory, carrier);
          }
        },
        agent: () => {
          if (posts === 3) {
            const delivered = Atomics.load(memory.i32, deliveredAt);
            const ns = entries.postedNs(memory, carrier, delivered);
            if (ns !== undefined && ns !== delivered + 1)
              throw new Violation(`M8: the oldest is of ${ns - 1}, not ${delivered}`);
          }
          host.untilGone('a');
          host.untilGone('b');
          if (!ledger.isOver(memory, 0, isAlive(['a', 'b']))) throw new Violation('M4: it is not over');
          sweep.releaseChannels(memory, [0]);
        },
      },
      atEnd: ({ get, status }) => {
        if (status('agent') === 'running') return undefined;
        if (get(memory.segmentOwnerAt(0)) !== 0) return 'M10: a segment is left behind';
        if (get(memory.segmentAt(0, 0)) !== 0 || get(memory.segmentAt(0, 0) + layout.ENTRY_BYTES) !== 0)
          return 'M10: a segment is not clean';
        return get(memory.stateAt(0)) === 0 ? undefined : 'M1: a channel is left behind';
      },
      ...model,
      ...(model.mayDie === undefined ? {} : { mayWait: ['b', 'agent'] }),
    });
  }

  test('M7, M8, M9: every message has its own entry or none, and the oldest is the oldest', async () => {
    expect(headline(await exploreEntries())).toBe('nothing');
  });

  test('M10: the same with a sender and a receiver that die at any step: all is given back', async () => {
    expect(headline(await exploreEntries([], { mayDie: ['a', 'b'] }, 2))).toBe('nothing');
  });

  test.each<[mistake: string, found: string, change: Change]>([
    [
      'a place that is never taken',
      'M8',
      change(ENTRIES, 'return tag === 0 || ((tag - 1 - delivered) | 0) < 0;', 'return true;'),
    ],
    [
      'a place that is free one delivery too soon',
      'M8',
      change(ENTRIES, '((tag - 1 - delivered) | 0) < 0;', '((tag - 1 - delivered) | 0) <= 0;'),
    ],
    [
      'an entry that is not looked for by its number',
      'M',
      change(
        ENTRIES,
        'if (Atomics.load(i32, inRing >> 2) === tag) return inRing;',
        'if (Atomics.load(i32, inRing >> 2) !== 0) return inRing;',
      ),
    ],
    [
      'an age that is not held against what was delivered',
      'M8',
      change(ENTRIES, 'Atomics.load(memory.i32, deliveredAt) === sequence && ', ''),
    ],
    [
      'segments that are left to those who are gone',
      'M10',
      change(SWEEP, '  releaseSegments(memory, new Set(channels));\n', ''),
    ],
    [
      'segments with the entries of those who are gone',
      'M10',
      change(
        SEGMENTS,
        '    clearTags(memory, segment);\n    Atomics.store(i32, ownerAt, 0);\n  }\n}\n\n/** What',
        '    Atomics.store(i32, ownerAt, 0);\n  }\n}\n\n/** What',
      ),
    ],
  ])('a mistake is found: %s', async (_, found, mistake) => {
    expect(
      headline(await exploreEntries([mistake], found === 'M10' ? { mayDie: ['a'] } : {}, found === 'M10' ? 2 : 3)),
    ).toContain(found);
  });

  test('M9: a message without a place keeps its number', async () => {
    expect(headline(await exploreEntries([], {}, 4))).toBe('nothing');
    const skipped = change(
      ENTRIES,
      'Atomics.store(i32, postedAt, (sequence + 1) | 0);\n  return at >= 0;',
      'if (at >= 0) Atomics.store(i32, postedAt, (sequence + 1) | 0);\n  return at >= 0;',
    );
    expect(headline(await exploreEntries([skipped], {}, 4))).toContain('M7');
  });

  test('M8: what is published before it is whole is found', async () => {
    const from = 'Atomics.store(i32, word, tagOf(sequence));\n}';
    const early: readonly Change[] = [
      change(ENTRIES, from, '}'),
      change(
        ENTRIES,
        '  f64[(at + ENTRY.POSTED_NS) >> 3] = posting.postedNs;',
        '  Atomics.store(i32, word, tagOf(sequence));\n  f64[(at + ENTRY.POSTED_NS) >> 3] = posting.postedNs;',
      ),
    ];
    expect(headline(await exploreEntries(early))).toContain('M8');
  });
});

describe('channels, in every interleaving', () => {
  /** Two claim, one of them may die; then the agent thread gives back what that one had, and a third claims. */
  async function exploreClaims(changes: readonly Change[] = [], model: Partial<Model> = {}): Promise<Exploration> {
    const { memory, ledger, sweep, layout } = await load(changes);
    const postedAt = (channel: number): number => (memory.directionAt(channel, 0) + layout.DIRECTION.POSTED) >> 2;
    const nameAt = (channel: number): number => memory.channelAt(channel) >> 2;
    const claim = (name: Name): number => {
      const channel = ledger.claimChannel(memory, CLAIMS[name], { nameNumber: CLAIMS[name].slot });
      if (channel < 0) throw new Violation(`M1: ${name} found no channel`);
      host.note(name, channel + 1);
      return channel;
    };
    const gone = isAlive(['a']);
    return explore({
      mayDie: ['a'],
      threads: {
        a: () => {
          memory.i32[postedAt(claim('a'))] = 1;
        },
        b: () => void claim('b'),
        agent: () => {
          host.untilGone('a');
          const over: number[] = [];
          sweep.scanChannels(memory, gone, (channel) => {
            const name = memory.i32[nameAt(channel)];
            if (name !== CLAIMS.a.slot && name !== CLAIMS.b.slot) throw new Violation(`M1: live, named ${name}`);
            if (ledger.isOver(memory, channel, gone)) over.push(channel);
          });
          sweep.releaseChannels(memory, over);
          /* Now there is room for another one. */
          const channel = claim('c');
          if (memory.i32[postedAt(channel)] !== 0) throw new Violation('M2: a new channel has counted');
          if (memory.i32[nameAt(channel)] !== CLAIMS.c.slot) throw new Violation('M1: two have one channel');
        },
      },
      atEnd: ({ get }) => {
        const owners = [0, 1].map((channel) => (get(memory.stateAt(channel)) >>> 2) & 511);
        if (owners.includes(CLAIMS.a.slot)) return 'M1: a channel is left behind';
        return get('b') === get('c') ? 'M1: two have one channel' : undefined;
      },
      ...model,
    });
  }

  test('M1, M2: each claimer has a channel of its own that counts from zero, whoever dies at whatever step', async () => {
    expect(headline(await exploreClaims())).toBe('nothing');
  });

  test.each<[mistake: string, change: Change]>([
    [
      'a claim by load and store',
      change(
        LEDGER,
        'if (Atomics.compareExchange(i32, stateAt, 0, ownerWord(claim, ChannelState.CLAIMING)) !== 0) continue;',
        'Atomics.store(i32, stateAt, ownerWord(claim, ChannelState.CLAIMING));',
      ),
    ],
    [
      'a claim that names nobody',
      change(LEDGER, 'ownerWord(claim, ChannelState.CLAIMING)) !== 0', 'ChannelState.CLAIMING) !== 0'),
    ],
    [
      'channels that were not whole are left alone',
      change(
        SWEEP,
        'else if (state === ChannelState.CLAIMING && !isAlive(word)) releaseChannels(memory, [channel]);',
        '',
      ),
    ],
    ['a channel that is not cleared', change(SWEEP, '    u8.fill(0, at, at + CHANNEL_BYTES);\n', '')],
    [
      'a channel that is free before it is cleared',
      change(
        SWEEP,
        '    u8.fill(0, at, at + CHANNEL_BYTES);\n',
        '    Atomics.store(i32, memory.stateAt(channel) >> 2, ChannelState.FREE);\n    u8.fill(0, at, at + CHANNEL_BYTES);\n',
      ),
    ],
    [
      'a scan that ends before what was claimed last',
      change(
        LEDGER,
        '    raiseHigh(memory, channel);\n    if (Atomics.compareExchange(i32, stateAt, 0, ownerWord(claim, ChannelState.CLAIMING)) !== 0) continue;\n',
        '    if (Atomics.compareExchange(i32, stateAt, 0, ownerWord(claim, ChannelState.CLAIMING)) !== 0) continue;\n    raiseHigh(memory, channel);\n',
      ),
    ],
  ])('a mistake is found: %s', async (_, mistake) => {
    expect(headline(await exploreClaims([mistake]))).toMatch(/M[12]:/);
  });
});
