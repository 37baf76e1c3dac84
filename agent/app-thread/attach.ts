/**
 * Makes an application thread an observed one: its recorder, its sources, its patches.
 *
 * Runs on application threads, before user code. Each part stands alone: where one cannot be had (frozen intrinsics, a Node without it), the
 * others go on, and the loss is named once.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { createThreadMatcher } from '../config/exclude.ts';
import type { Config, Feature } from '../config/options.ts';
import { ControlMemory, isSlot } from '../shared-memory/layout.ts';
import { MessageMemory } from '../shared-memory/message-memory.ts';
import { osThreadId } from '../shared-memory/os-thread.ts';
import { attachSlot, markRunning, type SlotClaim } from '../shared-memory/registry.ts';
import { type FollowedContext, followContext } from './context/follow-context.ts';
import { followExit } from './exit.ts';
import { patchAtomicsWait } from './instrumentation/atomics.ts';
import { followOwnConnections } from './instrumentation/own-connections.ts';
import { followPackages, type PatchPackage } from './instrumentation/package-loader.ts';
import type { PatchedFeature } from './instrumentation/patched-package.ts';
import { PATCHED_PACKAGES } from './instrumentation/patched-packages.ts';
import { followRareMessages } from './instrumentation/rare-messages.ts';
import { followThreadMessages, type ThreadMessageDoor } from './instrumentation/thread-messages.ts';
import { patchWebLocks } from './instrumentation/web-locks.ts';
import type { LabModes } from './lab-modes.ts';
import { loadLockPatches, loadQueuePatches } from './load-patches.ts';
import { setLockLink } from './lock-link.ts';
import type { LockNotice } from './lock-observer.ts';
import { followMessages, type ThreadMessages } from './messages/thread-messages.ts';
import type { TicketPorts } from './messages/worker-ports.ts';
import { claimPreload, isGateFirst, type Preload } from './preload-argument.ts';
import { Recorder } from './recorder.ts';
import { EventLoopSource } from './sources/event-loop.ts';
import { GcSource } from './sources/gc.ts';
import { HeapSource } from './sources/heap.ts';
import { LoopWatch } from './sources/loop-watch.ts';
import { followWorkers, type SpawnNotice } from './spawn.ts';
import { followTermination } from './terminate.ts';
import { type LabSettings, readTicket, type Ticket } from './ticket.ts';

/**
 * The engine's own, taken before anything is patched: a wait for a lock of `gridwatch/sync` is told by its lock, and must not be told again as a raw
 * `Atomics.wait`.
 */
const { wait, waitAsync, notify } = Atomics;

const { threadId } = process.getBuiltinModule('node:worker_threads');

export interface ThreadSettings {
  readonly memory: ControlMemory;
  readonly claim: SlotClaim;
  readonly config: Config;
  readonly preload: Preload;
  /** Sends a notice of a new worker to the agent thread. */
  readonly notify: (notice: SpawnNotice) => void;
  /** Lock memory of the process. */
  readonly lockBuffer: SharedArrayBuffer;
  /** Message memory of the process, and what the ticket says of ports; undefined when messages are not followed. */
  readonly messages: { readonly memory: MessageMemory; readonly ports: TicketPorts | undefined } | undefined;
  readonly lab: LabSettings;
  /** Tells the agent thread of a lock outside of lock memory. */
  readonly tell: (notice: LockNotice) => void;
  /** Runs at the thread's end, after its last records. */
  readonly atExit: () => void;
  /** Runs now and then, when garbage was collected. */
  readonly onGc: () => void;
  readonly hiddenWorker: () => Worker | undefined;
  /** Told of a part that could not be had. */
  readonly onFailure: (feature: Feature, error: unknown) => void;
}

/** Attaches the calling thread; gives back what detaches it. Undefined when its slot is no longer its own. */
export function attachThread(settings: ThreadSettings): { recorder: Recorder; detach: () => void } | undefined {
  const { memory, claim, config } = settings;
  if (!attachSlot(memory, claim, threadId, osThreadId())) return undefined;
  const recorder = new Recorder(memory, claim);
  const undo: (() => void)[] = [];
  const drains: (() => void)[] = [];
  const part = (feature: Feature, start: () => void): void => {
    if (!config.features[feature]) return;
    try {
      start();
    } catch (error) {
      settings.onFailure(feature, error);
    }
  };
  let lab: LabModes | undefined;
  if (settings.lab.raceBuffer !== undefined || settings.lab.perturbSeed !== undefined) {
    try {
      lab = loadLockPatches(settings.preload.file).startLabModes(settings.lab, settings.preload.file, part);
      undo.push(lab.stop);
    } catch (error) {
      settings.onFailure('races', error);
    }
  }
  const blockListeners: (() => void)[] = [];
  drains.push(() => {
    for (const listener of blockListeners) listener();
  });
  let gc: GcSource | undefined;
  part('gc', () => {
    const source = new GcSource(recorder, settings.onGc);
    gc = source;
    drains.push(() => source.drain());
    undo.push(() => source.stop());
  });
  const watch = new LoopWatch(recorder);
  undo.push(() => watch.stop());
  let loop: EventLoopSource | undefined;
  part('eventloop', () => {
    const source = new EventLoopSource(recorder, watch);
    loop = source;
    drains.push(() => source.tell(recorder.clock.nowNs()));
  });
  let heap: HeapSource | undefined;
  part('heap', () => {
    const source = new HeapSource(recorder, [settings.lockBuffer, settings.messages?.memory.buffer]);
    heap = source;
    watch.add(source);
    undo.push(() => source.stop());
    drains.push(() => source.beforeWait(recorder.clock.nowNs()));
  });
  const beforeWait = (nowNs: number): void => {
    gc?.beforeWait(nowNs);
    loop?.beforeWait(nowNs);
    heap?.beforeWait(nowNs);
    for (const listener of blockListeners) listener();
  };
  part('atomics', () => {
    undo.push(patchAtomicsWait(recorder, config.atomicsSites, beforeWait, lab?.perturb));
  });
  setLockLink(settings.lockBuffer, {
    recorder,
    config,
    tell: settings.tell,
    beforeWait,
    blockListeners,
    atomics: { wait, waitAsync, notify },
  });
  undo.push(() => setLockLink(settings.lockBuffer, undefined));
  const context = followContext(recorder, config);
  undo.push(context.stop);
  const { features } = config;
  const registerFile = settings.preload.file;
  let threadMessages: ThreadMessageDoor | undefined;
  part('messages', () => {
    const door = followThreadMessages({ recorder, scopes: context.scopes, registerFile });
    threadMessages = door;
    undo.push(door.stop);
  });
  part('messages', () => undo.push(followRareMessages({ recorder, registerFile })));
  const patches = (): ReturnType<typeof loadLockPatches> => loadLockPatches(settings.preload.file);
  if (features.locks) part('web_locks', () => undo.push(patchWebLocks(recorder, patches)));
  undo.push(followPatched(config, settings.preload.file, context, settings.onFailure));
  let messages: ThreadMessages | undefined;
  const { messages: given } = settings;
  if (given !== undefined)
    part('messages', () => {
      const followed = followMessages({
        recorder,
        ...given,
        scopes: context.scopes,
        serverOf: threadMessages?.serverOf,
      });
      messages = followed;
      undo.push(followed.stop);
    });
  part('threads', () => {
    const isExcluded = createThreadMatcher(config.excludeThreads);
    undo.push(followTermination(memory));
    undo.push(
      followWorkers({
        recorder,
        config,
        lockBuffer: settings.lockBuffer,
        messages: messages?.spawning,
        nextLab: lab?.nextLab ?? (() => settings.lab),
        preload: settings.preload,
        isExcluded,
        notify: settings.notify,
      }),
    );
    const { file } = settings.preload;
    if (given?.ports !== undefined || isGateFirst(process.execArgv, process.env['NODE_OPTIONS'] ?? '', file))
      messages?.spawning.vouch();
  });
  const atExit = (): void => {
    for (const drain of drains) drain();
    settings.atExit();
  };
  undo.push(followExit({ recorder, atExit, hiddenWorker: settings.hiddenWorker }));
  markRunning(memory, claim, recorder.clock.nowNs());
  /* At last, so that nothing of the agent's own is part of it. */
  context.enterSpawn();
  return {
    recorder,
    detach: () => {
      for (const step of undo.toReversed()) step();
    },
  };
}

/** Patches the packages of those features that are on, as they are loaded, and looks for copies of the api; gives back what takes that back. */
function followPatched(
  { features }: Config,
  registerFile: string,
  context: FollowedContext,
  onFailure: (feature: Feature, error: unknown) => void,
): () => void {
  const followed = new Set<PatchedFeature>();
  if (features.promise_locks && features.locks) followed.add('promise_locks');
  if (features.pools) followed.add('pools');
  if (features.queues) followed.add('queues');
  const used = new Set<ReturnType<typeof loadLockPatches> | ReturnType<typeof loadQueuePatches>>();
  const connections = features.queues
    ? followOwnConnections(
        () => loadQueuePatches(registerFile),
        (error) => onFailure('queues', error),
      )
    : undefined;
  try {
    const patch: PatchPackage = ({ feature, module }, file, declared) => {
      const patches = feature === 'promise_locks' ? loadLockPatches(registerFile) : loadQueuePatches(registerFile);
      used.add(patches);
      patches.patch(module, file, declared);
    };
    const packages = PATCHED_PACKAGES.filter(({ feature }) => followed.has(feature));
    const sees = connections !== undefined || context.sawModule !== undefined;
    const sawModule = (url: string): void => {
      connections?.beforeLoad(url);
      context.sawModule?.(url);
    };
    const ignore = followPackages(packages, patch, { sawApi: context.sawApi, ...(sees && { sawModule }) });
    return () => {
      ignore();
      connections?.stop();
      for (const patches of used) patches.unpatch();
    };
  } catch (error) {
    for (const feature of followed) onFailure(feature, error);
    return () => connections?.stop();
  }
}

/** The preload on a worker thread: attaches it by the ticket that its parent sent along, and does nothing without one. */
export function attachWorker(registerFile: string, found: unknown): void {
  const ticket = readTicket(found);
  if (ticket === undefined) return;
  removeAdded(ticket.addedExecArgv);
  const memory = ControlMemory.attach(ticket.buffer);
  if (memory === undefined || !isSlot(ticket.claim.slot)) return;
  const liveness: MessagePort | undefined = ticket.livenessPort;
  liveness?.unref();
  const preload = claimPreload(registerFile);
  attachThread({
    memory,
    claim: ticket.claim,
    config: ticket.config,
    preload,
    notify: (notice) => liveness?.postMessage(notice, [notice.port]),
    lockBuffer: ticket.lockBuffer,
    messages: messagesOf(ticket),
    lab: ticket.lab,
    tell: (notice) => liveness?.postMessage(notice),
    /* Its records are in shared memory: they outlive it without its waiting for anything. */
    atExit: () => {},
    onGc: () => {},
    hiddenWorker: () => undefined,
    /* The main thread, which has the same intrinsics and the same Node, has said it already. */
    onFailure: () => {},
  });
}

function messagesOf({ messages }: Ticket): ThreadSettings['messages'] {
  const memory = MessageMemory.attach(messages?.buffer);
  return memory === undefined ? undefined : { memory, ports: messages?.ports };
}

function removeAdded(added: readonly string[]): void {
  if (added.length === 0) return;
  const at = process.execArgv.length - added.length;
  if (added.every((argument, i) => process.execArgv[at + i] === argument)) process.execArgv.splice(at);
}
