/**
 * Claims of thread slots under every interleaving of two claimers and the agent thread, with a death before every step.
 * What runs is `registry.ts` itself, with two slots instead of 512; each broken variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import { type Exploration, explore, headline, host, type Model, type View } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import {
  type Claimer,
  checkIdentity,
  claimAs,
  invariants,
  isPrivate,
  LATE_STORES,
  load,
  registryChange,
  type Sources,
  slots,
} from './claimers.ts';

/** What the agent thread does with a claim that is not completed in time. */
function abandon({ layout, registry, memory }: Sources, onlySlot?: number): void {
  registry.scanSlots(memory, (slot, generation, phase) => {
    if (onlySlot !== undefined && slot !== onlySlot) return;
    if (phase === layout.SlotPhase.CLAIMING) registry.abandonClaim(memory, { slot, generation });
  });
}

describe('two claimers and the agent thread, in every interleaving', () => {
  async function exploreClaims(
    changes: readonly Change[] = [],
    model: Partial<Model> = { mayDie: ['a', 'b'] },
    claimers: readonly Claimer[] = ['a', 'b'],
  ): Promise<Exploration> {
    const sources = await load([slots(claimers.length), ...changes]);
    const { layout, registry, memory } = sources;
    const phaseOf = (get: View['get'], slot: number): number => get(memory.slotAt(slot, layout.SLOT.STATE)) & 0xff;
    return explore({
      isPrivate: isPrivate(sources),
      always: invariants(sources),
      threads: {
        ...Object.fromEntries(claimers.map((name) => [name, () => void claimAs(sources, name)])),
        agent: () => {
          for (let slot = 0; slot < layout.SLOT_COUNT; slot++) {
            const seen = registry.readSlot(memory, slot);
            if (seen !== undefined) checkIdentity(seen);
          }
          for (const name of claimers) host.untilGone(name);
          abandon(sources);
        },
      },
      atEnd: ({ get, status }) => {
        for (const name of claimers) {
          if (status(name) === 'ended' && get(`has ${name}`) === 0) return `R1: ${name} found no slot`;
        }
        const isStuck = claimers.some((_, slot) => phaseOf(get, slot) === layout.SlotPhase.CLAIMING);
        return isStuck ? 'R4: a slot remains claimed by a dead claimer' : undefined;
      },
      ...model,
    });
  }

  test('R1, R2, R3, R4: each gets a slot of its own, whole, and a dead one leaves none behind', async () => {
    expect(headline(await exploreClaims())).toBe('nothing');
  });

  test('R1, R2, R3: the same where stores become visible late', async () => {
    expect(headline(await exploreClaims([], { maxPendingStores: LATE_STORES }, ['a']))).toBe('nothing');
  });

  test.each<[mistake: string, found: string, change: Change]>([
    [
      'a claim by load and store',
      'R1: two claimers',
      registryChange(
        'if (Atomics.compareExchange(memory.i32, stateAt, state, claiming) !== state) continue;',
        'Atomics.store(memory.i32, stateAt, claiming);',
      ),
    ],
    [
      'an identity that is stored in the phase CLAIMED',
      'R3',
      registryChange('(generation << 8) | SlotPhase.CLAIMING;', '(generation << 8) | SlotPhase.CLAIMED;'),
    ],
    [
      'a dead claim that is left alone',
      'R4',
      registryChange(
        'if (!advancePhase(memory, claim, SlotPhase.CLAIMING, SlotPhase.EXITING)) return false;',
        'return false;',
      ),
    ],
    ['a dead claim that is freed as it stands', 'R2', registryChange('memory.clearSlot(claim.slot);', '')],
  ])('a mistake is found: %s', async (_, found, change) => {
    expect(headline(await exploreClaims([change]))).toContain(found);
  });

  test('the phase CLAIMED by a plain store is a mistake where stores become visible late, and only there', async () => {
    const plain = registryChange(
      'if (advancePhase(memory, claim, SlotPhase.CLAIMING, SlotPhase.CLAIMED)) return claim;',
      'memory.i32[stateAt] = (generation << 8) | SlotPhase.CLAIMED; return claim;',
    );
    expect(headline(await exploreClaims([plain], {}, ['a']))).toBe('nothing');
    expect(headline(await exploreClaims([plain], { maxPendingStores: LATE_STORES }, ['a']))).toContain('R3');
  });
});

describe('a claimer that is slower than the time-out, in every interleaving', () => {
  async function exploreSlowClaim(isChecked: boolean): Promise<Exploration> {
    const sources = await load([slots(2)]);
    const always = invariants(sources);
    return explore({
      isPrivate: isPrivate(sources),
      threads: {
        a: () => void claimAs(sources, 'a'),
        b: () => {
          host.until('abandoned');
          claimAs(sources, 'b');
        },
        agent: () => {
          abandon(sources, 0);
          host.tell('abandoned', 1);
        },
      },
      always: (view) => {
        const wrong = always(view);
        return isChecked || wrong?.startsWith('R1') ? wrong : undefined;
      },
      atEnd: ({ get }) => {
        const without = Number(get('has a') === 0) + Number(get('has b') === 0);
        return get(sources.layout.HEADER.THREADS_DROPPED) === without ? undefined : 'R4: a thread is not counted';
      },
    });
  }

  test('R1, R4: it notices, and takes another slot or is counted', async () => {
    expect(headline(await exploreSlowClaim(false))).toBe('nothing');
  });

  test('R2: it may have written to the slot by then, which is why the time-out is far longer than a claim', async () => {
    expect(headline(await exploreSlowClaim(true))).toContain('R2');
  });
});
