/**
 * A recorder without the agent, on memory that nobody else reads: for what follows locks and queues, which takes the time and the names from it.
 *
 * Runs on application threads, where no agent does.
 */
import { ControlMemory } from '../shared-memory/layout.ts';
import { claimSlot } from '../shared-memory/registry.ts';
import { Recorder } from './recorder.ts';

/** One memory for all that is followed on a thread: a process that looks at its own would find each of them. Undefined where it cannot be had. */
export function standaloneMemory(): ControlMemory | undefined {
  try {
    return ControlMemory.create(process.hrtime()[0]);
  } catch {
    return undefined;
  }
}

/** With a slot of its own; undefined where none is left. */
export function standaloneRecorder(memory: ControlMemory): Recorder | undefined {
  const identity = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  const claim = claimSlot(memory, identity);
  return claim === undefined ? undefined : new Recorder(memory, claim);
}
