/**
 * The first file of the agent thread. It has no other import than what it needs to tell, so that a thread that cannot load the rest, or ends whatever
 * the reason, says so in shared memory: an exiting thread then waits for nobody.
 *
 * Runs on the agent thread.
 */
import { workerData } from 'node:worker_threads';
import { AgentState, ControlMemory, HEADER } from '../shared-memory/layout.ts';
import type { AgentThreadSettings } from './settings.ts';

const memory = ControlMemory.attach((workerData as AgentThreadSettings).buffer);
process.on('exit', () => {
  if (memory !== undefined) Atomics.store(memory.i32, HEADER.AGENT_STATE >> 2, AgentState.FAILED);
});
await import('./agent.ts');
