/**
 * Starts the agent in the main thread: settings, the control buffer, the agent thread, and this thread's own attachment.
 *
 * Runs on the main thread. Nothing here may throw into the program, keep it alive or print more than a line; where a step fails, the program
 * runs on without what needs it.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import type { AgentThreadSettings, DisabledFeature } from './agent-thread/settings.ts';
import { agentWorkerOptions } from './app-thread/agent-worker-options.ts';
import { ApplicationMeters, type MetersNotice } from './app-thread/application-meters.ts';
import { ApplicationResource, type ResourceNotice } from './app-thread/application-resource.ts';
import { attachThread } from './app-thread/attach.ts';
import { handleSignals } from './app-thread/exit.ts';
import { flushBlocking, flushWaiting } from './app-thread/flush.ts';
import { findLockLink } from './app-thread/lock-link.ts';
import type { LockNotice } from './app-thread/lock-observer.ts';
import { claimPreload } from './app-thread/preload-argument.ts';
import type { Config, GridwatchOptions } from './config/options.ts';
import { isInRatio } from './config/ratio.ts';
import { resolveConfig } from './config/resolve.ts';
import { createDiag, type Diag } from './diag.ts';
import { labSettings } from './lab-settings.ts';
import { fileUrl, moduleUrl } from './package-root.ts';
import { Clock } from './shared-memory/clock.ts';
import { AgentState, ControlMemory, HEADER } from './shared-memory/layout.ts';
import { LockMemory } from './shared-memory/lock-memory.ts';
import { MessageMemory } from './shared-memory/message-memory.ts';
import { claimSlot, type SlotClaim } from './shared-memory/registry.ts';
import { setThresholds } from './shared-memory/thresholds.ts';

const { existsSync } = process.getBuiltinModule('node:fs');
const { fileURLToPath } = process.getBuiltinModule('node:url');
/* `NodeWorker` is Node's own class: what the module exports is the followed one once this thread is attached. */
const { isMainThread, MessageChannel, threadId, Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads');

/** Of the agent thread: three semi-spaces of 4 MB. */
const YOUNG_GENERATION_MB = 12;

/** Back-off between two starts of an agent thread that keeps failing, and how many failures in a row are enough. */
const FIRST_RESTART_MS = 1000;
const MAX_RESTART_MS = 60_000;
const MAX_RESTARTS_IN_A_ROW = 6;
/** An agent thread that ran this long was healthy: its failure begins a new row. */
const HEALTHY_MS = 60_000;

const FIRST_FILE = moduleUrl('agent-thread/main');

interface Running {
  readonly memory: ControlMemory;
  readonly config: Config;
  readonly agent: AgentThread;
  readonly application: ApplicationResource;
  readonly meters: ApplicationMeters;
  readonly detach: () => void;
}

/** One agent a process, also when the program loads several copies of the package. */
const RUNNING = Symbol.for('gridwatch.running');
const registry = globalThis as { [RUNNING]?: Running | undefined };

/**
 * Starts the agent, unless it runs already. It never throws: what is wrong with the options is reported on stderr and the default holds.
 * Call it in the main thread, before the program's workers start; `--require gridwatch/register` does so before any of its code.
 *
 * @example
 * import { start } from 'gridwatch';
 * start({ gcThresholdMs: 5 });
 */
export function start(options: GridwatchOptions = {}): void {
  let diag: Diag = createDiag('auto');
  try {
    if (!isMainThread || registry[RUNNING] !== undefined) return;
    const { config, problems } = resolveConfig(process.env, options);
    diag = createDiag(config.log);
    for (const problem of problems) diag.warn(problem.message);
    if (!config.enabled) return;
    if (!isInRatio(config.enableRatio, process.getBuiltinModule('node:os').hostname(), process.pid)) return;
    const running = startRunning(config, diag);
    if (running !== undefined)
      Object.defineProperty(registry, RUNNING, { value: running, configurable: true, enumerable: false });
  } catch (error) {
    diag.error(`off: it could not start (${describe(error)}); the program runs without it`);
  }
}

/**
 * Delivers everything recorded so far. Resolves to true when the agent thread has done so or, when an endpoint does not answer, has tried (what is
 * left waits in the spool, and is counted if it is lost); to false when `timeoutMs` (default 2000) passed before, or when no agent runs. It keeps the
 * process alive meanwhile and never rejects.
 */
export async function flush(timeoutMs = 2000): Promise<boolean> {
  const running = registry[RUNNING];
  if (running === undefined) return false;
  running.application.look();
  running.meters.look();
  return flushWaiting(running.memory, timeoutMs);
}

/** Flushes, ends the agent thread and takes back what was patched. Workers that run already go on writing to memory that nobody reads. */
export async function shutdown(timeoutMs = 2000): Promise<void> {
  const running = registry[RUNNING];
  if (running === undefined) return;
  Reflect.deleteProperty(registry, RUNNING);
  running.application.look();
  running.meters.look();
  running.detach();
  await flushWaiting(running.memory, timeoutMs);
  await running.agent.stop();
}

/** A thread without its first file would end unheard while an exit waits for it. */
function requireFirstFile(): void {
  if (!existsSync(FIRST_FILE)) throw new Error('the package lacks a file, agent-thread/main');
}

function startRunning(config: Config, diag: Diag): Running | undefined {
  requireFirstFile();
  const preload = claimPreload(fileURLToPath(fileUrl('register.cjs')));
  /* Locks may have been made before the agent was started: theirs is the lock memory of the process, and its clock that of all. */
  const locks = LockMemory.attach(findLockLink()?.buffer) ?? LockMemory.create();
  const lockBuffer = locks.views.buffer;
  const clock = new Clock(locks.baseS);
  const memory = ControlMemory.create(clock.baseS);
  setThresholds(memory, config);
  const claim = claimSlot(memory, {
    parentThreadId: threadId,
    name: 'main',
    file: process.argv[1] ?? '',
    nowNs: clock.nowNs(),
    spawnContext: undefined,
    spawnSite: '',
  });
  if (claim === undefined) return undefined;
  const messages = config.features.messages ? MessageMemory.create() : undefined;
  const agent = new AgentThread({
    memory,
    lockBuffer,
    messageBuffer: messages?.buffer,
    config,
    claim,
    diag,
    registerFile: preload.file,
  });
  const application = new ApplicationResource((notice) => agent.tell(notice), config.identityWaitMs);
  const meters = new ApplicationMeters((notice) => agent.tell(notice));
  const flushNow = (): void => {
    application.look();
    meters.look();
    flushBlocking(memory, config.exitTimeoutMs);
  };
  const disabledFeatures: DisabledFeature[] = [];
  const attached = attachThread({
    memory,
    claim,
    config,
    preload,
    notify: (notice) => agent.port?.postMessage(notice, [notice.port]),
    lockBuffer,
    messages: messages === undefined ? undefined : { memory: messages, ports: undefined },
    lab: labSettings(config),
    tell: (notice) => agent.tellLock(notice),
    atExit: flushNow,
    onGc: () => application.look(),
    hiddenWorker: () => agent.worker,
    onFailure: (feature, error) => {
      disabledFeatures.push({ feature, reason: 'failed' });
      diag.warn(`${feature} cannot be observed here (${describe(error)})`);
    },
  });
  if (attached === undefined) {
    application.stop();
    meters.stop();
    return undefined;
  }
  agent.start(disabledFeatures);
  const ignoreSignals = handleSignals(config.signals, flushNow);
  const detach = (): void => {
    application.stop();
    meters.stop();
    ignoreSignals();
    attached.detach();
  };
  return { memory, config, agent, application, meters, detach };
}

interface AgentThreadOptions {
  readonly memory: ControlMemory;
  readonly lockBuffer: SharedArrayBuffer;
  readonly messageBuffer: SharedArrayBuffer | undefined;
  readonly config: Config;
  readonly claim: SlotClaim;
  readonly diag: Diag;
  readonly registerFile: string;
}

/** The agent thread as the main thread sees it: started, never waited for, started anew with a back-off when it fails. */
class AgentThread {
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

function describe(error: unknown): string {
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown;
    message?: unknown;
  };
  return String(code ?? message ?? error);
}
