/**
 * A recorder without the agent, on memory that nobody else reads: for what follows locks and queues, which takes the time and the names from it.
 *
 * Runs on application threads, where no agent does.
 */
import { ControlMemory } from '../shared-memory/layout.ts';
import { claimSlot } from '../shared-memory/registry.ts';
import { Recorder } from './recorder.ts';

/** Undefined where the memory cannot be had. */
export function standaloneRecorder(): Recorder | undefined {
  try {
    const memory = ControlMemory.create(process.hrtime()[0]);
    const identity = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
    const claim = claimSlot(memory, identity);
    return claim === undefined ? undefined : new Recorder(memory, claim);
  } catch {
    return undefined;
  }
}
