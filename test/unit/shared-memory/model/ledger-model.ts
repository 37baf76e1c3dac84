/** What the models of the ledger have in common: the sources with two channels, a ring of one entry and one segment of two, and threads that have slots. */
import type { Posting } from '../../../../agent/shared-memory/ledger-entries.ts';
import type { MessageMemory } from '../../../../agent/shared-memory/message-memory.ts';
import { host } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type AgentSources, type Change, loadVariant } from '../../../support/variant.ts';

export const MEMORY = 'shared-memory/message-memory.ts';
export const LEDGER = 'shared-memory/ledger.ts';
export const ENTRIES = 'shared-memory/ledger-entries.ts';
export const SEGMENTS = 'shared-memory/ledger-segments.ts';
export const SWEEP = 'shared-memory/ledger-sweep.ts';

const SMALL: readonly Change[] = [
  { file: MEMORY, from: 'export const CHANNELS = 16384;', to: 'export const CHANNELS = 2;' },
  { file: MEMORY, from: 'export const RING_ENTRIES = 16;', to: 'export const RING_ENTRIES = 1;' },
  { file: MEMORY, from: /(?: {2}\{ count: \d+, entries: \d+ \},\n)+/, to: '  { count: 1, entries: 2 },\n' },
];

export interface Sources {
  readonly memory: MessageMemory;
  readonly layout: AgentSources[typeof MEMORY];
  readonly ledger: AgentSources[typeof LEDGER];
  readonly entries: AgentSources[typeof ENTRIES];
  readonly sweep: AgentSources[typeof SWEEP];
}

export async function load(changes: readonly Change[]): Promise<Sources> {
  const [layout, ledger, entries, sweep] = await loadVariant(
    [MEMORY, LEDGER, ENTRIES, SWEEP, SEGMENTS],
    [...SMALL, ...changes],
  );
  /* Only the offsets are the memory's own. */
  const memory = modelControlMemory(layout.MessageMemory.prototype);
  return { memory, layout, ledger, entries, sweep };
}

export const change = (file: Change['file'], from: string, to: string): Change => ({ file, from, to });

/** Slot and generation of each thread of a model. */
export const CLAIMS = {
  a: { slot: 1, generation: 5 },
  b: { slot: 2, generation: 6 },
  c: { slot: 3, generation: 7 },
} as const;
export type Name = keyof typeof CLAIMS;

/** Whether the thread that a word names lives: those that the model does not have do. */
export const isAlive =
  (gone: readonly Name[]) =>
  (word: number): boolean =>
    !gone.some((name) => CLAIMS[name].slot === ((word >>> 2) & 511) && host.isGone(name));

export const posting = (n: number): Posting => ({ postedNs: n + 1, context: undefined, senderSlot: n + 1, ports: [] });
