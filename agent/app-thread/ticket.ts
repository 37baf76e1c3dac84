/**
 * The spawn ticket: what a new worker needs to record from its first moment, sent by the thread that starts it.
 *
 * Written on the spawning thread, taken on the new one. It travels in a copy of the environment data of Node's own start message. The gate takes it out
 * as the first thing it does, whether or not the thread is then observed: neither side's `getEnvironmentData` ever shows it, and no thread that this
 * one starts is sent it.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../config/options.ts';
import type { SlotClaim } from '../shared-memory/registry.ts';
import type { TicketPorts } from './messages/worker-ports.ts';

/** Also in register.cjs, which imports nothing. */
export const TICKET_KEY = 'gridwatch.ticket';
const TICKET_VERSION = 2;

/** What the lab modes need in every thread. */
export interface LabSettings {
  /** Race memory of the process; absent unless data races are looked for. */
  readonly raceBuffer: SharedArrayBuffer | undefined;
  /** This thread's own seed, or on the main thread the program's; absent unless schedules are perturbed. */
  readonly perturbSeed: number | undefined;
}

export interface Ticket {
  readonly version: typeof TICKET_VERSION;
  readonly buffer: SharedArrayBuffer;
  /** Lock memory of the process. */
  readonly lockBuffer: SharedArrayBuffer;
  /** Message memory of the process, and the ports that the thread begins with; absent when messages are not followed. */
  readonly messages: { readonly buffer: SharedArrayBuffer; readonly ports: TicketPorts } | undefined;
  readonly lab: LabSettings;
  readonly claim: SlotClaim;
  readonly config: Config;
  /**
   * One end of the liveness channel, whose other end the agent thread holds. Absent when the start message had an unknown form, and where code of the
   * program's runs before the gate: a thread that this code starts is sent a copy of all environment data, in which no port may be.
   */
  readonly livenessPort: MessagePort | undefined;
  /** Arguments that were added to the worker's `execArgv` so that the preload runs there, to be taken out of `process.execArgv` again. */
  readonly addedExecArgv: readonly string[];
}

export function createTicket(fields: Omit<Ticket, 'version'>): Ticket {
  return { version: TICKET_VERSION, ...fields };
}

/** The ticket, if what the gate has found is one, and of this version. */
export function readTicket(found: unknown): Ticket | undefined {
  const ticket = found as Ticket | undefined;
  return ticket?.version === TICKET_VERSION ? ticket : undefined;
}
