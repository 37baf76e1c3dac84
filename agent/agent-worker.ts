/**
 * The agent thread as the main thread sees it: started, never waited for, started anew with a back-off when it fails.
 *
 * Runs on the main thread. Nothing here may throw into the program, keep it alive or print more than a line.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import type { AgentThreadSettings, DisabledFeature } from './agent-thread/settings.ts';
import { agentWorkerOptions } from './app-thread/agent-worker-options.ts';
import type { MetersNotice } from './app-thread/application-meters.ts';
import type { ResourceNotice } from './app-thread/application-resource.ts';
import type { LockNotice } from './app-thread/lock-observer.ts';
import type { Config } from './config/options.ts';
import type { Diag } from './diag.ts';
import { moduleUrl } from './package-root.ts';
import { Clock } from './shared-memory/clock.ts';
import { AgentState, type ControlMemory, HEADER } from './shared-memory/layout.ts';
import type { SlotClaim } from './shared-memory/registry.ts';

const { existsSync } = process.getBuiltinModule('node:fs');
/* Node's own class: what the module exports is the followed one once this thread is attached. */
const { MessageChannel, Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads');

/** Of the agent thread: three semi-spaces of 4 MB. */
const YOUNG_GENERATION_MB = 12;

/** Back-off between two starts of an agent thread that keeps failing, and how many failures in a row are enough. */
const FIRST_RESTART_MS = 1000;
const MAX_RESTART_MS = 60_000;
const MAX_RESTARTS_IN_A_ROW = 6;
/** An agent thread that ran this long was healthy: its failure begins a new row. */
const HEALTHY_MS = 60_000;

const FIRST_FILE = moduleUrl('agent-thread/main');

/** A thread without its first file would end unheard while an exit waits for it. */
export function requireFirstFile(): void {
  if (!existsSync(FIRST_FILE)) throw new Error('the package lacks a file, agent-thread/main');
}

export interface AgentThreadOptions {
  readonly memory: ControlMemory;
  readonly lockBuffer: SharedArrayBuffer;
  readonly messageBuffer: SharedArrayBuffer | undefined;
  readonly config: Config;
  readonly claim: SlotClaim;
  readonly diag: Diag;
  readonly registerFile: string;
}

/** The agent thread as the main thread sees it: started, never waited for, started anew with a back-off when it fails. */
export class AgentThread {
  readonly #options: AgentThreadOptions;
  #disabledFeatures: readonly DisabledFeature[] = [];
  #failuresInARow = 0;
  #startedMs = 0;
  #isStopped = false;
  readonly #notices = new Map<string, ResourceNotice | MetersNotice>();
  readonly #adopted = new Map<number, LockNotice>();
  worker: Worker | undefined;
  /** This thread's end of its liveness channel: notices of new workers go here. */
  port: MessagePort | undefined;

  constructor(options: AgentThreadOptions) {
    this.#options = options;
  }

  start(disabledFeatures: readonly DisabledFeature[]): void {
    this.#disabledFeatures = disabledFeatures;
    this.#launch();
  }

  /** Says what is known of the application's SDK: to this agent thread, and to the one that may follow it. */
  tell(notice: ResourceNotice | MetersNotice): void {
    this.#notices.set(Object.keys(notice)[0] as string, notice);
    this.port?.postMessage(notice);
  }

  /** Says which locks this thread uses outside of lock memory; an agent thread that is started anew is told again. */
  tellLock(notice: LockNotice): void {
    if (notice.lock === 'adopt') this.#adopted.set(notice.lockId, notice);
    else this.#adopted.delete(notice.lockId);
    this.port?.postMessage(notice);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.worker?.terminate();
  }

  #launch(): void {
    const { memory, lockBuffer, messageBuffer, config, claim, registerFile } = this.#options;
    const { port1, port2 } = new MessageChannel();
    port1.unref();
    this.port = port1;
    this.#startedMs = Date.now();
    const settings: AgentThreadSettings = {
      buffer: memory.buffer,
      lockBuffer,
      messageBuffer,
      config,
      mainClaim: claim,
      mainPort: port2,
      mainFile: process.argv[1],
      execArgv: process.execArgv,
      processStartNs: new Clock(memory.baseS).nowNs() - process.uptime() * 1e9,
      maySpawn: (process.permission as NodeJS.ProcessPermission | undefined)?.has('child') ?? true,
      disabledFeatures: this.#disabledFeatures,
    };
    requireFirstFile();
    this.#setState(AgentState.STARTING);
    const worker = new NodeWorker(FIRST_FILE, {
      name: 'gridwatch',
      argv: [],
      ...agentWorkerOptions(registerFile),
      workerData: settings,
      transferList: [port2],
      /* Garbage of exports is all that lives there: V8 would let it grow to three times 32 MB before it looks. It is no bound of the heap. */
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      /* Not piped: a pipe would initialise the program's own stdout and stderr and put listeners on them. */
      stdout: true,
      stderr: true,
    });
    worker.unref();
    /* Whatever is printed there all the same is kept back, instead of keeping the process alive until somebody reads it. */
    for (const output of [worker.stdout, worker.stderr]) output._read = () => {};
    worker.on('error', (error) => this.#failed(describe(error)));
    worker.on('exit', (code) => this.#ended(code));
    this.worker = worker;
    for (const notice of [...this.#notices.values(), ...this.#adopted.values()]) port1.postMessage(notice);
  }

  #failed(reason: string): void {
    this.#options.diag
      .once('agent-failed')
      .warn(`the agent thread failed (${reason}); the program is not affected, the agent is started anew`);
  }

  #ended(code: number): void {
    this.#setState(AgentState.FAILED);
    this.port?.close();
    if (this.#isStopped) return;
    this.#failuresInARow = Date.now() - this.#startedMs > HEALTHY_MS ? 1 : this.#failuresInARow + 1;
    if (this.#failuresInARow > MAX_RESTARTS_IN_A_ROW) {
      this.#options.diag.error(
        `off: the agent thread failed ${this.#failuresInARow} times in a row (last exit code ${code}); the program runs without it`,
      );
      return;
    }
    const backOffMs = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** (this.#failuresInARow - 1));
    setTimeout(() => {
      if (this.#isStopped) return;
      Atomics.add(this.#options.memory.i32, HEADER.AGENT_RESTARTS >> 2, 1);
      try {
        this.#launch();
      } catch (error) {
        this.#failed(describe(error));
        this.#ended(1);
      }
    }, backOffMs).unref();
  }

  #setState(state: AgentState): void {
    Atomics.store(this.#options.memory.i32, HEADER.AGENT_STATE >> 2, state);
  }
}

export function describe(error: unknown): string {
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown;
    message?: unknown;
  };
  return String(code ?? message ?? error);
}
