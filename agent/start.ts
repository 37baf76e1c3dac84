/**
 * Starts the agent in the main thread: settings, the control buffer, the agent thread, and this thread's own attachment.
 *
 * Runs on the main thread. Nothing here may throw into the program, keep it alive or print more than a line; where a step fails, the program
 * runs on without what needs it.
 */
import type { DisabledFeature } from './agent-thread/settings.ts';
import { AgentThread, describe, requireFirstFile } from './agent-worker.ts';
import { ApplicationMeters } from './app-thread/application-meters.ts';
import { ApplicationResource } from './app-thread/application-resource.ts';
import { attachThread } from './app-thread/attach.ts';
import { handleSignals } from './app-thread/exit.ts';
import { flushBlocking, flushWaiting } from './app-thread/flush.ts';
import { findLockLink } from './app-thread/lock-link.ts';
import { claimPreload } from './app-thread/preload-argument.ts';
import type { Config, GridwatchOptions } from './config/options.ts';
import { isInRatio } from './config/ratio.ts';
import { resolveConfig } from './config/resolve.ts';
import { createDiag, type Diag } from './diag.ts';
import { labSettings } from './lab-settings.ts';
import { fileUrl } from './package-root.ts';
import { Clock } from './shared-memory/clock.ts';
import { ControlMemory } from './shared-memory/layout.ts';
import { LockMemory } from './shared-memory/lock-memory.ts';
import { MessageMemory } from './shared-memory/message-memory.ts';
import { claimSlot } from './shared-memory/registry.ts';
import { setThresholds } from './shared-memory/thresholds.ts';

const { fileURLToPath } = process.getBuiltinModule('node:url');
const { isMainThread, threadId } = process.getBuiltinModule('node:worker_threads');

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
