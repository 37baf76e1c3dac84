/**
 * Follows the program's workers: gives each new one a slot and a ticket, and makes sure that the preload runs in it.
 *
 * Runs on application threads, inside `new Worker`. What Node checks, throws and returns stays Node's: whatever goes wrong here, the worker
 * starts as it would have.
 *
 * Node's Worker constructor posts one internal message, 'loadScript', to the new thread. While the constructor runs,
 * `MessagePort.prototype.postMessage` is ours: it posts a copy of that message with the ticket added to the copy's environment data and the
 * liveness port to the transfer list, and is put back at once. Outside of constructors no message passes here. The port is part of the ticket, unless
 * code of the program's runs before the gate; then it is a field of the message that Node does not look at: nobody reaches it, it still closes
 * when the thread ends.
 */
import type { MessagePort, WorkerOptions } from 'node:worker_threads';
import type { Config } from '../config/options.ts';
import { plainPath } from '../file-path.ts';
import { claimSlot, type SlotClaim } from '../shared-memory/registry.ts';
import { syncBuiltinExports } from './builtin-exports.ts';
import { callSiteOf } from './call-site.ts';
import { NO_TICKET_PORTS, type TicketPorts, type WorkerPorts } from './messages/worker-ports.ts';
import { hasPreload, isGateFirst, type Preload } from './preload-argument.ts';
import type { Recorder } from './recorder.ts';
import { createTicket, type LabSettings, TICKET_KEY } from './ticket.ts';
import { activeTraceIds } from './trace-context.ts';

const types = process.getBuiltinModule('node:util/types');
const workerThreads = process.getBuiltinModule('node:worker_threads') as {
  Worker: WorkerClass;
} & typeof import('node:worker_threads');
const { MessageChannel, setEnvironmentData, threadId } = workerThreads;

type WorkerClass = typeof import('node:worker_threads').Worker;

/** What the agent thread is told of a new worker, before it starts: the end of its liveness channel that closes when it ends. */
export interface SpawnNotice {
  readonly claim: SlotClaim;
  readonly port: MessagePort;
}

export interface SpawnSettings {
  readonly recorder: Recorder;
  readonly config: Config;
  readonly lockBuffer: SharedArrayBuffer;
  /** Message memory, and what gives ports to a new worker; undefined when messages are not followed. */
  readonly messages: SpawnMessages | undefined;
  /** Those of this thread's next worker. */
  readonly nextLab: (name: string) => LabSettings;
  readonly preload: Preload;
  /** True for a thread that the configuration excludes, by its name or its file. */
  readonly isExcluded: (name: string, file: string) => boolean;
  /** Sends a notice to the agent thread; the port is transferred. */
  readonly notify: (notice: SpawnNotice) => void;
}

export interface SpawnMessages {
  readonly buffer: SharedArrayBuffer;
  /** A worker is about to start: `canVouch` when nothing of the program's runs there before the agent. */
  readonly starting: (canVouch: boolean) => void;
  /** This thread and all that it starts are seen from its first line on. */
  readonly vouch: () => void;
  /** `mayName`: ports may stand in the ticket. */
  readonly give: (worker: SlotClaim, transferred: readonly object[], mayName: boolean) => WorkerPorts;
}

/** Node's default name of a worker: it tells nothing, so it counts as none. */
const NODE_DEFAULT_NAME = 'WorkerThread';

interface Spawn {
  readonly name: string;
  readonly file: string;
  readonly addedExecArgv: readonly string[];
  readonly isGateFirst: boolean;
  readonly claimedNs: number;
  readonly site: string;
  readonly lab: LabSettings;
}

/** Replaces `Worker` in `node:worker_threads`; gives back what restores it. */
export function followWorkers(settings: SpawnSettings): () => void {
  const { recorder, preload } = settings;
  const NodeWorker = workerThreads.Worker;
  /** Set when Node's start message turned out to have an unknown form: tickets then travel without a liveness port. */
  let isEnvelopeUnknown = false;

  const folder = process.cwd();
  /*
   * A plain function with everything of Node's class but its source text. Not a Proxy, which V8 does not take for a constructor when it names the
   * receiver in a stack, and named by a property, which no minifier renames; and Node's constructor is called from here and nowhere deeper, so that such a stack has one frame more.
   */
  const { Worker: FollowedWorker } = {
    Worker: function (...args: unknown[]): object {
      if (new.target === undefined) throw new TypeError("Class constructor Worker cannot be invoked without 'new'");
      const newTarget: unknown = new.target === FollowedWorker ? NodeWorker : new.target;
      const options = args[1] as WorkerOptions | undefined;
      const name = textOf(options, 'name');
      const addedExecArgv = missingExecArgv(preload, options);
      const spawn: Spawn = {
        name: name === NODE_DEFAULT_NAME ? '' : name,
        file: isTrue(options, 'eval') ? '' : fileOf(args[0]),
        addedExecArgv,
        isGateFirst: isGateFirst(execArgvWith(options, addedExecArgv), nodeOptionsOf(options), preload.file),
        claimedNs: recorder.clock.nowNs(),
        site: callSiteOf(FollowedWorker, folder, true),
        lab: settings.nextLab(name),
      };
      const isExcluded = settings.isExcluded(spawn.name, spawn.file);
      settings.messages?.starting(spawn.isGateFirst && !isExcluded);
      if (isExcluded) return Reflect.construct(NodeWorker, args, newTarget as WorkerClass);
      const sending = isEnvelopeUnknown ? sendInEnvironment(settings, spawn) : sendInEnvelope(settings, spawn);
      try {
        const worker = Reflect.construct(NodeWorker, withExecArgv(args, spawn.addedExecArgv), newTarget as WorkerClass);
        isEnvelopeUnknown ||= !sending.isSent();
        sending.opened(worker);
        return worker;
      } finally {
        sending.end();
      }
    },
  };
  Object.setPrototypeOf(FollowedWorker, Object.getPrototypeOf(NodeWorker) as object);
  Object.defineProperties(FollowedWorker, Object.getOwnPropertyDescriptors(NodeWorker));
  const followed = FollowedWorker as unknown as WorkerClass;

  const replace = (from: WorkerClass, to: WorkerClass): void => {
    if (workerThreads.Worker !== from) return;
    workerThreads.Worker = to;
    /* `worker.constructor === Worker` holds for a program, before as after. */
    Object.defineProperty(NodeWorker.prototype, 'constructor', {
      value: to,
      writable: true,
      enumerable: false,
      configurable: true,
    });
    syncBuiltinExports();
  };
  replace(NodeWorker, followed);
  return () => replace(followed, NodeWorker);
}

/** A ticket on its way, from before Node's constructor until after it. */
interface Sending {
  /** False when Node's constructor is through and no start message of the known form was seen. */
  readonly isSent: () => boolean;
  /** The worker is there. */
  readonly opened: (worker: object) => void;
  /** Puts everything back. */
  readonly end: () => void;
}

function sendInEnvelope(settings: SpawnSettings, spawn: Spawn): Sending {
  const { prototype } = workerThreads.MessagePort;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, 'postMessage') as PropertyDescriptor;
  const original = descriptor.value as (...args: unknown[]) => void;
  let isSeen = false;
  let ports: WorkerPorts | undefined;
  const postMessage = function (this: MessagePort, ...args: unknown[]): void {
    const [message, transferList] = args;
    if (isSeen || !isStartMessage(message) || !Array.isArray(transferList)) return Reflect.apply(original, this, args);
    isSeen = true;
    const claim = claimFor(settings, spawn);
    if (claim === undefined) return Reflect.apply(original, this, args);
    const { port1, port2 } = new MessageChannel();
    const environmentData = new Map(message.environmentData);
    const [inTicket, unreached] = spawn.isGateFirst ? [port2, undefined] : [undefined, port2];
    const ofProgram = transferList.filter((item) => item !== message.publicPort) as object[];
    ports = settings.messages?.give(claim, ofProgram, spawn.isGateFirst);
    environmentData.set(TICKET_KEY, ticketOf(settings, spawn, claim, inTicket, ports?.ticket));
    settings.notify({ claim, port: port1 });
    try {
      const copy = { ...message, environmentData, gridwatchLiveness: unreached };
      Reflect.apply(original, this, [copy, [...transferList, port2]]);
    } catch (error) {
      /* What the program handed over cannot be cloned: closing this end makes the agent thread give the slot back. */
      port2.close();
      ports?.takeBack();
      throw error;
    }
  };
  Object.defineProperty(prototype, 'postMessage', { ...descriptor, value: postMessage });
  return {
    isSent: () => isSeen,
    opened: (worker) => ports?.opened(publicPortOf(worker)),
    end: () => {
      if (prototype.postMessage === postMessage) Object.defineProperty(prototype, 'postMessage', descriptor);
    },
  };
}

function sendInEnvironment(settings: SpawnSettings, spawn: Spawn): Sending {
  const claim = claimFor(settings, spawn);
  if (claim !== undefined) setEnvironmentData(TICKET_KEY, ticketOf(settings, spawn, claim, undefined));
  return { isSent: () => true, opened: () => {}, end: () => setEnvironmentData(TICKET_KEY, undefined) };
}

function claimFor({ recorder }: SpawnSettings, spawn: Spawn): SlotClaim | undefined {
  return claimSlot(recorder.memory, {
    parentThreadId: threadId,
    name: spawn.name,
    file: spawn.file,
    nowNs: spawn.claimedNs,
    spawnContext: activeTraceIds(),
    spawnSite: spawn.site,
  });
}

function ticketOf(
  { recorder, config, lockBuffer, messages }: SpawnSettings,
  spawn: Spawn,
  claim: SlotClaim,
  livenessPort: MessagePort | undefined,
  ports: TicketPorts = NO_TICKET_PORTS,
): object {
  return createTicket({
    buffer: recorder.memory.buffer,
    lockBuffer,
    messages: messages === undefined ? undefined : { buffer: messages.buffer, ports },
    lab: spawn.lab,
    claim,
    config,
    livenessPort,
    addedExecArgv: spawn.addedExecArgv,
  });
}

/** The end of a worker's own port that Node keeps: the messages of `Worker#postMessage` and of 'message' pass it. */
function publicPortOf(worker: object): object | undefined {
  const key = Object.getOwnPropertySymbols(worker).find(({ description }) => description === 'kPublicPort');
  const port: unknown = key === undefined ? undefined : Reflect.get(worker, key);
  return port instanceof workerThreads.MessagePort ? port : undefined;
}

interface StartMessage {
  readonly type: 'loadScript';
  readonly publicPort?: unknown;
  readonly environmentData: Map<unknown, unknown>;
}

function isStartMessage(message: unknown): message is StartMessage {
  if (typeof message !== 'object' || message === null || types.isProxy(message)) return false;
  const { type, environmentData } = message as Partial<StartMessage>;
  return type === 'loadScript' && types.isMap(environmentData);
}

/**
 * What must be added to a worker's `execArgv` so that the preload runs there. A worker inherits the parent's `execArgv` and NODE_OPTIONS, unless
 * it is given its own; `--import` does not run in an `eval` worker.
 */
function missingExecArgv(preload: Preload, options: WorkerOptions | undefined): readonly string[] {
  const own = propertyOf(options, 'execArgv');
  const inExecArgv = Array.isArray(own)
    ? hasPreload(own, preload.file)
    : preload.inExecArgv && !(preload.isImport && isTrue(options, 'eval'));
  const inNodeOptions =
    preload.inNodeOptions && ownEnvOf(options) === undefined && !(preload.isImport && isTrue(options, 'eval'));
  if (inExecArgv || inNodeOptions || (own !== undefined && own !== null && !Array.isArray(own))) return [];
  return ['--require', preload.file];
}

function withExecArgv(args: unknown[], added: readonly string[]): unknown[] {
  if (added.length === 0) return args;
  const [file, options, ...rest] = args;
  const execArgv = execArgvWith(options, added);
  /* Inherits from the program's own object, so that each of its properties is still read from there, once, by Node. */
  return [
    file,
    Object.create((options as object | undefined) ?? null, { execArgv: { value: execArgv, enumerable: true } }),
    ...rest,
  ];
}

function execArgvWith(options: unknown, added: readonly string[]): unknown[] {
  const own = propertyOf(options, 'execArgv');
  return [...(Array.isArray(own) ? (own as unknown[]) : process.execArgv), ...added];
}

/** The environment that a worker is given instead of this thread's, or a copy of it. */
function ownEnvOf(options: unknown): object | undefined {
  const own = propertyOf(options, 'env');
  return typeof own === 'object' && own !== null ? own : undefined;
}

function nodeOptionsOf(options: unknown): string {
  const own = ownEnvOf(options);
  return own === undefined ? (process.env['NODE_OPTIONS'] ?? '') : textOf(own, 'NODE_OPTIONS');
}

/** A property's value, unless it is an accessor or behind a proxy: those may be read only by Node, and only once. */
function propertyOf(object: unknown, key: string): unknown {
  for (let holder = object; typeof holder === 'object' && holder !== null; holder = Object.getPrototypeOf(holder)) {
    if (types.isProxy(holder)) return undefined;
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    if (descriptor !== undefined) return descriptor.value;
  }
  return undefined;
}

function textOf(object: unknown, key: string): string {
  const value = propertyOf(object, key);
  return typeof value === 'string' ? value : '';
}

function isTrue(object: unknown, key: string): boolean {
  return Boolean(propertyOf(object, key));
}

/** A `data:` URL is a program, not a file: it has no name worth showing. */
function fileOf(filename: unknown): string {
  if (typeof filename === 'string') return filename;
  if (!(filename instanceof URL)) return '';
  return filename.protocol === 'file:' ? plainPath(filename.href) : '';
}
