/**
 * The lives of one thread slot under every interleaving of two threads that have it one after the other, those who start
 * them, and the agent thread between them, with a death before every step. What runs is `registry.ts` itself; each broken
 * variant shows a part of it that is needed.
 */
import { describe, expect, test } from 'vitest';
import type { SlotSnapshot } from '../../../../agent/shared-memory/registry.ts';
import { type Exploration, explore, headline, host, type Model, Violation } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import {
  CLAIMERS,
  type Claimer,
  checkIdentity,
  claimAs,
  claimOf,
  invariants,
  isPrivate,
  LATE_STORES,
  load,
  numberOf,
  registryChange,
  slots,
} from './claimers.ts';

describe('the lives of one slot, in every interleaving', () => {
  /** `workerA` may be slow to attach: the agent thread then gives up waiting for it, and `b` claims the slot. */
  async function exploreLives(changes: readonly Change[] = [], model: Partial<Model> = {}): Promise<Exploration> {
    const sources = await load([slots(1), ...changes]);
    const { layout, registry, memory } = sources;
    const always = invariants(sources);
    const claimer = (name: Claimer) => (): void => {
      const claim = claimAs(sources, name);
      if (claim !== undefined) host.tell(`ticket ${name}`, numberOf(claim));
    };
    const worker = (name: Claimer) => (): void => {
      const claim = claimOf(host.until(`ticket ${name}`));
      const number = CLAIMERS[name];
      if (!registry.attachSlot(memory, claim, number, number)) return;
      host.note(`attached ${name}`, 1);
      registry.markRunning(memory, claim, number);
      registry.markExiting(memory, claim, registry.ExitKind.EXIT, number, number);
    };
    const look = (): SlotSnapshot | undefined => {
      const seen = registry.readSlot(memory, 0);
      if (seen === undefined) return undefined;
      checkIdentity(seen);
      const { name, threadId, osThreadId, startedNs } = seen;
      const number = CLAIMERS[name as Claimer];
      const isAttached = threadId === number && osThreadId === number;
      if (startedNs !== 0 && !(isAttached && startedNs === number)) throw new Violation(`R5: started as ${threadId}`);
      return seen;
    };
    return explore({
      mayDie: ['a', 'workerA'],
      isPrivate: isPrivate(sources),
      mayWait: ['workerA', 'b', 'workerB', 'agent'],
      threads: {
        a: claimer('a'),
        workerA: worker('a'),
        agent: () => {
          host.until('ticket a');
          const seen = look();
          if (seen === undefined) throw new Violation('R3: a claim that was told of cannot be read');
          if (!host.isGone('workerA') && !registry.retireClaim(memory, seen)) host.untilGone('workerA');
          look();
          registry.releaseSlot(memory, seen);
          host.tell('free', 1);
        },
        b: () => {
          host.until('free');
          claimer('b')();
        },
        workerB: worker('b'),
      },
      always: (view) => {
        const { get, status } = view;
        const isLiving = status('workerA') === 'running' && get('attached a') === 1;
        if (isLiving && get('free') === 1) return 'R1: a living thread has a slot that is free';
        const threadId = get(memory.slotAt(0, layout.SLOT.THREAD_ID));
        if (get('has b') !== 0 && threadId === CLAIMERS.a) return 'R5: a thread has written to the life of another';
        return always(view);
      },
      atEnd: ({ get, status }) => {
        return status('workerB') === 'ended' && get('attached b') === 0
          ? 'R1: the thread of the second life has no slot'
          : undefined;
      },
      ...model,
    });
  }

  test('R1, R2, R3, R5: no life sees anything of another', async () => {
    expect(headline(await exploreLives())).toBe('nothing');
  });

  test('R1, R2, R3, R5: the same where stores become visible late', async () => {
    expect(headline(await exploreLives([], { maxPendingStores: LATE_STORES }))).toBe('nothing');
  });

  const CLAIMED_TO_ATTACHED = 'if (!advancePhase(memory, claim, SlotPhase.CLAIMED, SlotPhase.ATTACHED)) return false;';
  const RETIRE = 'return advancePhase(memory, claim, SlotPhase.CLAIMED, SlotPhase.EXITING);';
  const CLEAR = 'memory.clearSlot(claim.slot);';

  test.each<[mistake: string, found: string, changes: Change[]]>([
    [
      'generations that stay the same',
      'R',
      [registryChange('const generation = ((state >>> 8) + 1) & GENERATION_MASK;', 'const generation = state >>> 8;')],
    ],
    [
      'ids that are stored before the slot is attached',
      'R2',
      [
        registryChange(
          CLAIMED_TO_ATTACHED,
          `memory.i32[memory.slotAt(claim.slot, SLOT.THREAD_ID) >> 2] = threadId; ${CLAIMED_TO_ATTACHED}`,
        ),
      ],
    ],
    [
      'a claim that is retired without looking',
      'R2',
      [registryChange(RETIRE, 'Atomics.store(memory.i32, memory.slotAt(claim.slot, 0) >> 2, 0); return true;')],
    ],
    [
      'a slot that is freed before it is cleared',
      'R',
      [
        registryChange(
          CLEAR,
          `Atomics.store(memory.i32, memory.slotAt(claim.slot, 0) >> 2, claim.generation << 8); ${CLEAR}`,
        ),
      ],
    ],
    ['a start that is read before its phase', 'R5', [registryChange('phase < SlotPhase.RUNNING ? 0 :', '')]],
  ])('a mistake is found: %s', async (_, found, changes) => {
    const exploration = await exploreLives(changes);
    expect(headline(exploration)).toContain(found);
  });
});
