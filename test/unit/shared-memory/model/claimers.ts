/**
 * What the models of thread slots share: `registry.ts` as it is or with a mistake in it, claimers with identities that can
 * be told apart, and the invariants of every state. Runs in a test's own process.
 */
import type { SlotClaim, SlotSnapshot } from '../../../../agent/shared-memory/registry.ts';
import { host, type View, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type AgentSources, type Change, loadVariant } from '../../../support/variant.ts';

const LAYOUT = 'shared-memory/layout.ts';
const REGISTRY = 'shared-memory/registry.ts';
export const slots = (count: number): Change => ({
  file: LAYOUT,
  from: /SLOT_COUNT = \d+/,
  to: `SLOT_COUNT = ${count}`,
});

/** As many as the models need for a store to overtake another. */
export const LATE_STORES = 2;

type Layout = AgentSources[typeof LAYOUT];
type Registry = AgentSources[typeof REGISTRY];

export interface Sources {
  readonly layout: Layout;
  readonly registry: Registry;
  readonly memory: Layout['ControlMemory']['prototype'];
}

export async function load(changes: readonly Change[]): Promise<Sources> {
  const [layout, registry] = await loadVariant([LAYOUT, REGISTRY], changes);
  return { layout, registry, memory: modelControlMemory(layout.ControlMemory.prototype) };
}

/** A claim as one number, for the host; never zero. */
export const numberOf = ({ slot, generation }: SlotClaim): number => generation * 16 + slot + 1;
export const claimOf = (number: number): SlotClaim => ({
  slot: (number - 1) % 16,
  generation: Math.floor((number - 1) / 16),
});

/**
 * Words that stay zero in these models, and words that are stored and read beside another that is checked: leaving them out
 * takes nothing away but time.
 */
export function isPrivate({ layout: { SLOT, SLOT_COUNT }, memory }: Sources): (at: number) => boolean {
  const fields = [SLOT.FILE, SLOT.SPAWN_CONTEXT + 24, SLOT.SPAWN_SITE, SLOT.EXIT_KIND, SLOT.EXIT_CODE, SLOT.ENDED_NS];
  const words = new Set<number>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) for (const field of fields) words.add(memory.slotAt(slot, field));
  return (at) => words.has(at);
}

/** Each claimer claims for a thread of its own name and number. */
export const CLAIMERS = { a: 1, b: 2 } as const;
export type Claimer = keyof typeof CLAIMERS;

export function claimAs({ registry, memory }: Sources, name: Claimer): SlotClaim | undefined {
  const number = CLAIMERS[name];
  const claim = registry.claimSlot(memory, {
    parentThreadId: number,
    name,
    file: '',
    nowNs: number,
    spawnContext: undefined,
    spawnSite: '',
  });
  if (claim !== undefined) host.note(`has ${name}`, numberOf(claim));
  return claim;
}

/** R3: what is read of a slot is the identity of one claimer. */
export function checkIdentity(slot: SlotSnapshot): void {
  const { name, parentThreadId, claimedNs } = slot;
  if (CLAIMERS[name as Claimer] !== parentThreadId || parentThreadId !== claimedNs)
    throw new Violation(`R3: the identity is ${name}, ${parentThreadId}, ${claimedNs}`);
}

/** R1 and R2, of every state. */
export function invariants({ layout, memory }: Sources): (view: View) => string | undefined {
  const states = Array.from({ length: layout.SLOT_COUNT }, (_, slot) => memory.slotAt(slot, layout.SLOT.STATE));
  const fields = Object.values(layout.SLOT).filter((field) => field !== layout.SLOT.STATE);
  return ({ get }) => {
    const [a, b] = [get('has a'), get('has b')];
    if (a !== 0 && a === b) return 'R1: two claimers have one slot';
    for (const [slot, stateAt] of states.entries()) {
      const isFree = (get(stateAt) & 0xff) === layout.SlotPhase.FREE;
      if (isFree && fields.some((field) => get(memory.slotAt(slot, field)) !== 0))
        return `R2: slot ${slot} is not clear`;
    }
    return undefined;
  };
}

export const registryChange = (from: string, to: string): Change => ({ file: REGISTRY, from, to });
