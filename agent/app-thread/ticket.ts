/**
 * The spawn ticket: what a new worker needs to record from its first moment, sent by the thread that starts it.
 *
 * Written on the spawning thread, taken on the new one. It travels in a copy of the environment data of Node's own start message, and is
 * taken out before user code runs: neither side's `getEnvironmentData` ever shows it.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../config/options.ts';
import type { SlotClaim } from '../shared-memory/registry.ts';

const { getEnvironmentData, setEnvironmentData } = process.getBuiltinModule('node:worker_threads');

export const TICKET_KEY = 'gridwatch.ticket';
const TICKET_VERSION = 1;

export interface Ticket {
  readonly version: typeof TICKET_VERSION;
  readonly buffer: SharedArrayBuffer;
  readonly claim: SlotClaim;
  readonly config: Config;
  /** One end of the liveness channel, whose other end the agent thread holds. Absent when the start message had an unknown form. */
  readonly livenessPort: MessagePort | undefined;
  /** Arguments that were added to the worker's `execArgv` so that the preload runs there, to be taken out of `process.execArgv` again. */
  readonly addedExecArgv: readonly string[];
}

export function createTicket(fields: Omit<Ticket, 'version'>): Ticket {
  return { version: TICKET_VERSION, ...fields };
}

/** Takes this worker's ticket out of its environment data; undefined when it has none, or one of another version. */
export function takeTicket(): Ticket | undefined {
  const ticket = getEnvironmentData(TICKET_KEY) as Ticket | undefined;
  if (ticket === undefined) return undefined;
  setEnvironmentData(TICKET_KEY, undefined);
  return ticket.version === TICKET_VERSION ? ticket : undefined;
}
