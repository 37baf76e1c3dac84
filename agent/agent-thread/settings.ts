/**
 * What the main thread hands to the agent thread when it starts it: types only, shared by both sides.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../config/options.ts';
import type { SlotClaim } from '../shared-memory/registry.ts';
import type { DisabledReason } from './telemetry/catalog.ts';

export interface AgentThreadSettings {
  readonly buffer: SharedArrayBuffer;
  /** Lock memory of the process. */
  readonly lockBuffer: SharedArrayBuffer;
  /** Message memory of the process; undefined when messages are not followed. */
  readonly messageBuffer: SharedArrayBuffer | undefined;
  readonly config: Config;
  /** The main thread's slot, and the agent thread's end of its liveness channel. */
  readonly mainClaim: SlotClaim;
  readonly mainPort: MessagePort;
  /** The program's main file, for the name of the service; undefined for `node -e` and the like. */
  readonly mainFile: string | undefined;
  /** Node's own options, of the command line. */
  readonly execArgv: readonly string[];
  /** When the process began, on the agent's clock: before its base, so a negative number. */
  readonly processStartNs: number;
  /** The program may start processes. The agent thread could even where it may not: Node's permissions do not bind a worker that is given no options. */
  readonly maySpawn: boolean;
  /** Features that could not be had on the main thread, with the reason. */
  readonly disabledFeatures: readonly DisabledFeature[];
}

export interface DisabledFeature {
  readonly feature: string;
  readonly reason: DisabledReason;
}
