/**
 * The agent: builds its parts in the order in which data flows through them, and holds no logic of its own.
 *
 * Runs on the agent thread. Draining begins before the SDK is loaded, which takes a tenth of a second.
 */
import { threadId, workerData } from 'node:worker_threads';
import type { Config, Feature } from '../config/options.ts';
import { createDiag } from '../diag.ts';
import { GridwatchError } from '../errors.ts';
import { Clock } from '../shared-memory/clock.ts';
import { AgentState, ControlMemory, HEADER } from '../shared-memory/layout.ts';
import { LockMemory } from '../shared-memory/lock-memory.ts';
import { osThreadId } from '../shared-memory/os-thread.ts';
import { readWaitWord, type WaitSnapshot } from '../shared-memory/wait-word.ts';
import { leftToApplication } from './application-metrics.ts';
import { Breaker } from './breaker.ts';
import { ControlFile } from './control-file.ts';
import type { Voices } from './detect/deadlock-report.ts';
import { Findings } from './detect/findings.ts';
import { LockDetectors } from './detect/lock-detectors.ts';
import { PoolStarvation } from './detect/pool-starvation.ts';
import { ANY_STALL_NS, INCIDENT_STALL_NS, Stalls } from './detect/stalls.ts';
import { Dispatch } from './dispatch.ts';
import { Drain } from './drain.ts';
import { FollowedEnergy } from './energy/follow-energy.ts';
import { FeatureSwitches } from './feature-switches.ts';
import { followQueues } from './follow-queues.ts';
import { HeapGuard } from './heap-guard.ts';
import { CpuClocks } from './host/cpu-clocks.ts';
import { FullInventory } from './host/full-inventory.ts';
import { hardwareAttributes, readHardware } from './host/hardware.ts';
import { Inventory } from './host/inventory.ts';
import { machineMetrics } from './host/machine-metrics.ts';
import { ProcTree } from './host/proc.ts';
import { ProcTaskDirectory } from './host/task.ts';
import { idleTimeMs, probeThreadPool } from './host/thread-pool-probe.ts';
import { Identity } from './identity.ts';
import { applySettings } from './live-settings.ts';
import { Liveness } from './liveness.ts';
import { LockDeath } from './lock-death.ts';
import { LockDispatch } from './lock-dispatch.ts';
import { isInspected, MainStack, openMainSession } from './main-stack.ts';
import { DatabasePools } from './model/database-pools.ts';
import { EventLoops } from './model/event-loops.ts';
import { GcTotals } from './model/gc.ts';
import { Heaps } from './model/heaps.ts';
import { LibuvPool } from './model/libuv-pool.ts';
import { Locks } from './model/locks.ts';
import { QueueTotals } from './model/queue-totals.ts';
import { AgentSelf, agentUsage, DisabledFeatures, DropCounts } from './model/self.ts';
import { shownName } from './model/shown-name.ts';
import { ThreadTable } from './model/threads.ts';
import { describeProcess, instanceId, packageVersion } from './resource.ts';
import type { AgentThreadSettings } from './settings.ts';
import { createSyncConsole } from './sync-console.ts';
import type { MetricSource } from './telemetry/metrics.ts';
import type { ResourceAttributes } from './telemetry/resource.ts';
import { createTelemetry } from './telemetry/sdk.ts';
import { type ObservedThread, ObservedThreads } from './threads.ts';

/** Above this the thread is started anew; with the SDK loaded it stands at 20-30 MiB. */
const HEAP_LIMIT_BYTES = 64 * 2 ** 20;
const EXIT_CODE_HEAP = 70;

const settings = workerData as AgentThreadSettings;
const { config } = settings;
const memory = ControlMemory.attach(settings.buffer);
const lockMemory = LockMemory.attach(settings.lockBuffer);
if (memory === undefined || lockMemory === undefined)
  throw new GridwatchError('ERR_GRIDWATCH_LAYOUT', 'the control buffer is not one of this version');

globalThis.console = createSyncConsole();
const diag = createDiag(config.log);
const clock = new Clock(memory.baseS);
clock.reanchor();
const drops = new DropCounts();
const disabled = new DisabledFeatures(diag, settings.disabledFeatures);
const switches = new FeatureSwitches(memory, config.features, disabled);
const identity = new Identity({
  waitMs: config.identityWaitMs,
  onLate: () =>
    diag
      .once('late identity')
      .warn(
        "the application's OpenTelemetry SDK was registered late: the agent goes on under a service.instance.id of its own",
      ),
});
const nowNs = (): number => clock.nowNs();
const onUnavailable = disabled.add;
const proc = new ProcTree();
const sys = new ProcTree({ root: '/sys' });
const clocks = new CpuClocks({ sys, nowNs });
const machine = { proc, sys, clocks, nowNs, onUnavailable };
/* Once a process, not once an agent thread. */
const isFirst = Atomics.load(memory.i32, HEADER.AGENT_RESTARTS >> 2) === 0;
const asksForAll = config.inventory === 'full' && isFirst && settings.maySpawn;
if (config.inventory === 'full' && !settings.maySpawn)
  onUnavailable('inventory', 'no_permission', 'the program may not start processes (--allow-child-process)');
const fullInventory = asksForAll ? new FullInventory({ env: process.env, onUnavailable }) : undefined;
const controlFile = new ControlFile({ config, diag, apply: (changed, isOff) => applyLive(changed, isOff) });
const telemetry = createTelemetry({
  clock,
  config,
  env: process.env,
  version: packageVersion(),
  resourceAttributes: { ...describeProcess(settings.mainFile), 'service.instance.id': instanceId(memory) },
  applicationResource: identity.resource,
  hardwareAttributes: readHardwareLater(),
  isDecided: controlFile.firstLook,
  diag,
  countDrop: drops.count,
  isOn: (feature) => switches.isOn(feature),
});
disabled.tellBy((record) => telemetry.logs.emit(record), nowNs);
/* An id that is promised has to be exported. */
void telemetry.ready.then(() => Atomics.store(memory.i32, HEADER.SPANS_OFF >> 2, telemetry.hasSpans ? 0 : 1));
const inventory = new Inventory({ proc, sys });
const readWait = (slot: number, atNs: number): WaitSnapshot | undefined => readWaitWord(memory, slot, atNs);
const table = new ThreadTable({
  directory: new ProcTaskDirectory({ proc, onUnavailable }),
  readWait,
  nowNs,
  processStartNs: settings.processStartNs,
});
const gcTotals = new GcTotals();
const loops = new EventLoops({ memory, readWait, nowNs });
const heaps = new Heaps({ memory, nowNs });
const libuvPool = new LibuvPool({ helpers: table.helpers, probe: probeThreadPool, idleTimeMs, nowNs });
const queueTotals = new QueueTotals();
const locks = new Locks({
  memory,
  lockMemory,
  queues: queueTotals,
  observed: () => threads,
  nowNs,
  hasStacks: config.stacks !== 'off',
  onDrop: (count) => drops.count('lock', count),
});
const energy = new FollowedEnergy({ ...machine, config, diag, table, locks, queues: queueTotals });
const followed = followQueues({
  memory,
  messageBuffer: settings.messageBuffer,
  totals: queueTotals,
  locks,
  living: () => threads,
  switches,
  drops,
  emit: (span) => telemetry.spans.emit(span),
  rates: energy,
  nowNs,
  onPortLost: disabled.lostPort,
});
disabled.showPorts(() => followed.ports?.poisonedPorts ?? 0);
/* Of what is told at once, who the program is can no longer be waited for. */
const flushNow = (): void => {
  identity.settle();
  fullInventory?.settle();
  void telemetry.flush(config.exitTimeoutMs);
};
const voices: Voices = {
  emitSpan: (span) => telemetry.spans.emit(span),
  emitLog: (record) => telemetry.logs.emit(record),
  diag,
  areNamesFull: config.names === 'full',
};
const findings = new Findings(voices);
const poolStarvation = new PoolStarvation({
  memory,
  findings,
  nameOf: (nameNumber, kind) => shownName(locks.text(nameNumber), kind),
  threadOf: ({ slot }) => locks.threadEverOf(0, slot + 1),
});
const lockDetectors = new LockDetectors({
  isRestarted: !isFirst,
  voices,
  findings,
  naming: locks,
  index: locks.index,
  labelOf: (lock) => locks.labelOf(lock),
  nowNs,
  flush: flushNow,
  abort: config.deadlockAction === 'abort' ? locks.scenes.abort : undefined,
});
const isDetecting = (): boolean => switches.isOn('locks') && switches.isOn('detectors');
const lockDispatch = new LockDispatch({
  locks,
  emit: (span) => telemetry.spans.emit(span),
  onCorrupt: () => drops.count('corrupt', 1),
  thresholdNs: () => memory.f64[HEADER.LOCK_THRESHOLD_NS >> 3] as number,
  areNamesFull: config.names === 'full',
  hasAllStacks: config.stacks === 'all',
  listeners: {
    onLockWait: (thread, wait) => isDetecting() && lockDetectors.waited(thread, wait),
    onLockOrder: (thread, order) => isDetecting() && lockDetectors.ordered(thread, order),
    onRace: (thread, race) => isDetecting() && lockDetectors.raced(thread, race),
    onGcPause: (threadKey, startNs, pauseNs) => isDetecting() && lockDetectors.paused(threadKey, startNs, pauseNs),
  },
});
const dispatch = new Dispatch(table, telemetry, drops, disabled, lockDispatch, followed.dispatch);
const lockDeath = new LockDeath({
  lockMemory,
  locks,
  onAbandoned: (lock, thread) => isDetecting() && lockDetectors.abandoned(lock, thread, nowNs()),
});
const threads: ObservedThreads = new ObservedThreads({
  memory,
  table,
  gcTotals,
  loops,
  heaps,
  queues: followed.queues,
  recent: followed.recent,
  dispatch,
  lockDeath,
  nowNs,
});
const mainStack = new MainStack({
  mainSlot: settings.mainClaim.slot,
  isOff: config.stacks === 'off' || isInspected([...settings.execArgv, process.env['NODE_OPTIONS'] ?? '']),
  openSession: openMainSession,
});
const stalls = new Stalls<ObservedThread>({
  minStallNs: config.stacks === 'all' ? ANY_STALL_NS : INCIDENT_STALL_NS,
  onStall: (stall, atNs) =>
    void mainStack.of(stall.thread.claim.slot, atNs).then((stack) => dispatch.loopIsBlocked(stall, atNs, stack)),
});
const liveness = new Liveness({
  ended: (claim) => {
    followed.ended(claim);
    threads.end(claim, nowNs());
  },
  overdue: (claim) => threads.giveUp(claim, nowNs()),
  told: (claim, message) => {
    locks.told(claim, message);
    if (claim.slot !== settings.mainClaim.slot) return;
    identity.receive(message);
    const left = leftToApplication(message);
    telemetry.metrics.leave(left);
    for (const name of left) disabled.note(name, 'configured');
  },
});
liveness.watch(settings.mainClaim, settings.mainPort);

const heapGuard = new HeapGuard(HEAP_LIMIT_BYTES, (usedBytes) => {
  dispatch.flush();
  diag.warn(`the agent thread is started anew: its heap stays at ${Math.round(usedBytes / 2 ** 20)} MiB`);
  void telemetry.flush(config.exitTimeoutMs).then(() => process.exit(EXIT_CODE_HEAP));
});
const breaker = new Breaker(
  { limits: config, usage: agentUsage, switches, diag, emitLog: (record) => telemetry.logs.emit(record) },
  nowNs(),
);
const applyLive = (changed: Config, isOff: boolean): void =>
  applySettings({ memory, switches, telemetry, breaker }, changed, isOff);
/* An agent thread before this one may have left other thresholds. */
applyLive(config, false);
const drain = new Drain(memory, clock, {
  drain: (atNs) => threads.drain(atNs),
  sample: (atNs) => {
    controlFile.check(atNs);
    breaker.check(atNs);
    liveness.lookUp(threads, atNs);
    if (switches.isOn('threads')) table.sample(atNs);
    if (switches.isOn('queues')) libuvPool.tick(atNs);
    if (switches.isOn('energy')) energy.tick(atNs);
    loops.look();
    followed.ports?.sweep(atNs);
    if (switches.isOn('eventloop')) stalls.look(threads, atNs);
    if (isDetecting()) lockDetectors.look(locks.readScene(atNs));
    if (switches.isOn('detectors')) poolStarvation.look(atNs);
    dispatch.tick(atNs);
    heapGuard.check(atNs, () => process.memoryUsage().heapUsed);
  },
  flush: async () => {
    identity.settle();
    fullInventory?.settle();
    await controlFile.firstLook;
    if (switches.isOn('energy')) energy.catchUp(nowNs());
    dispatch.flush();
    await telemetry.flush(config.exitTimeoutMs);
  },
});

table.openAgent(threadId, osThreadId());
const addSource = (feature: Feature, source: MetricSource): void => {
  if (config.features[feature]) telemetry.metrics.addSource(switches.gate(feature, source));
};
addSource('threads', table);
addSource('gc', gcTotals);
addSource('eventloop', loops);
addSource('heap', heaps);
addSource('locks', locks);
addSource('detectors', lockDetectors);
addSource('detectors', findings);
/* Three features share it: it looks itself which of them run. */
telemetry.metrics.addSource(followed.queues);
addSource('queues', new DatabasePools(queueTotals));
addSource('queues', libuvPool);
addSource('energy', energy);
for (const source of machineMetrics({ ...machine, inventory, config })) addSource('cpu', source);
telemetry.metrics.addSource(
  new AgentSelf({ memory, clock, drainDurations: drain.durations, disabledFeatures: disabled }, drops),
);
drain.start();
Atomics.store(memory.i32, HEADER.AGENT_STATE >> 2, AgentState.DRAINING);

/** Not before draining has begun; what the kernel says stands above what a package makes of it. */
async function readHardwareLater(): Promise<ResourceAttributes> {
  await new Promise((resolve) => setImmediate(resolve));
  const fromKernel = hardwareAttributes(readHardware({ proc, sys }));
  return { ...(await fullInventory?.attributes), ...fromKernel };
}
