/**
 * Which process tells of the host: one of all those with an agent in a network namespace, or every backend would add up the same CPUs.
 *
 * Runs on the agent thread. The claim is an abstract Unix socket, which the kernel takes back when its process dies, however it dies. It accepts
 * nothing and sends nothing. It must never keep the thread alive, and never block.
 */
import { createServer, type Server } from 'node:net';
import type { Switch } from '../../config/options.ts';
import { type ReportUnavailable, reasonOf } from './proc.ts';

/** Abstract: the name is no file, and is seen by this network namespace only. */
const SOCKET_PATH = '\0gridwatch-host-metrics';

/** A holder that died is followed this soon, at the next collection. */
const RETRY_INTERVAL_NS = 5e9;

export interface HostClaimSettings {
  readonly mode: Switch;
  /** The process may use less than the CPUs it sees: the host is not its business, unless it is told so. */
  readonly isConfined: () => boolean;
  readonly onUnavailable: ReportUnavailable;
  readonly path?: string;
}

export class HostClaim {
  readonly #settings: HostClaimSettings;
  #server: Server | undefined;
  #isListening = false;
  #isGivenUp = false;
  #triedNs = Number.NEGATIVE_INFINITY;

  constructor(settings: HostClaimSettings) {
    this.#settings = settings;
  }

  /** Whether this process tells of the host. */
  get isHeld(): boolean {
    return this.#settings.mode === 'on' || this.#isListening;
  }

  /** Tries to become the one, now and then; the answer comes a moment later. To be called at each collection. */
  tryTake(nowNs: number): void {
    const { mode, isConfined } = this.#settings;
    if (mode !== 'auto' || this.#server !== undefined || this.#isGivenUp) return;
    if (nowNs - this.#triedNs < RETRY_INTERVAL_NS || isConfined()) return;
    this.#triedNs = nowNs;
    try {
      this.#listen();
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException);
    }
  }

  #listen(): void {
    const server = createServer((socket) => socket.destroy());
    this.#server = server;
    server.on('error', (error) => this.#fail(error));
    // Exclusive: a cluster worker would otherwise ask its primary to listen.
    server.listen({ path: this.#settings.path ?? SOCKET_PATH, exclusive: true }, () => {
      this.#isListening = true;
    });
    server.unref();
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#server?.close();
    this.#server = undefined;
    this.#isListening = false;
    if (error.code === 'EADDRINUSE') return;
    this.#isGivenUp = true;
    this.#settings.onUnavailable('cpu', reasonOf(error.code ?? ''), `claim of the host's metrics: ${error.message}`);
  }

  release(): void {
    this.#server?.close();
    this.#server = undefined;
    this.#isListening = false;
  }
}
