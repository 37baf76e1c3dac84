/**
 * `gridwatch/instrumentations`: promise locks for those who compose their own NodeSDK. Where the agent runs, it is told, as it is by its own preload; where it
 * does not, the meter and the tracer of the SDK are, under the same names. ES modules are patched where the loader hook of OpenTelemetry runs
 * (`@opentelemetry/instrumentation/hook.mjs`), as those of any instrumentation.
 *
 * Runs on application threads that import it. It is the only module on their side that imports OpenTelemetry: `@opentelemetry/instrumentation` is the user's.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Attributes, type Link, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import {
  InstrumentationBase,
  type InstrumentationConfig,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import type { LockClassName, LockSink, LongWait, Standalone } from './app-thread/async-locks/standalone.ts';
import type { LockTracker } from './app-thread/async-locks/tracker.ts';
import { fileUrl } from './package-root.ts';

type LockPatches = typeof import('./app-thread/lock-patches.ts');

const REGISTER_FILE = fileURLToPath(fileUrl('register.cjs'));
const PATCHES_FILE = import.meta.url.endsWith('.ts') ? './app-thread/lock-patches.ts' : './app-thread/lock-patches.cjs';
const requireFromHere = createRequire(REGISTER_FILE);
/* The file that the preload loads, so that a package is patched once. */
const patches = requireFromHere(PATCHES_FILE) as LockPatches;
const { version: VERSION } = requireFromHere('../package.json') as { version: string };

const BOUNDS_S = [1e-5, 1e-4, 1e-3, 0.005, 0.02, 0.05, 0.1, 0.25, 1, 2.5, 10, 60];
const DEFAULT_THRESHOLD_MS = 20;
const COUNTERS = ['acquisitions', 'contentions', 'timeouts', 'aborts'] as const;

export interface PromiseLockInstrumentationConfig extends InstrumentationConfig {
  /**
   * Without the agent, a wait that lasts this long in a sampled trace becomes a span; with it, its own option holds. In milliseconds. Default 20.
   */
  readonly lockThresholdMs?: number | undefined;
}

/** Waits and holds of one package's locks. */
abstract class PromiseLockInstrumentation extends InstrumentationBase<PromiseLockInstrumentationConfig> {
  #standalone: Standalone | undefined;
  readonly #undo = new Map<unknown, () => void>();

  constructor(name: string, config: PromiseLockInstrumentationConfig) {
    super(`gridwatch/${name}`, VERSION, config);
  }

  /** Of the table: the package, its versions, and those of its files that are patched beside what it exports. */
  protected define(module: string): InstrumentationNodeModuleDefinition {
    const { versions = '', files = [] } = patches.PROMISE_LOCKS.find((entry) => entry.module === module) ?? {};
    const patch = (file: string) => (exports: unknown) => this.#patch(module, file, exports);
    const unpatch = (exports: unknown): void => this.#unpatch(exports);
    const inner = files.map(
      ({ file }) => new InstrumentationNodeModuleFile(`${module}/${file}`, [versions], patch(file), unpatch),
    );
    return new InstrumentationNodeModuleDefinition(module, [versions], patch(''), unpatch, inner);
  }

  #patch(module: string, file: string, exports: unknown): unknown {
    const declared = { exports };
    const tracker = patches.lockTracker() ?? this.#ownTracker();
    try {
      const undo = tracker === undefined ? undefined : patches.patchFile(module, file, declared, tracker);
      if (undo !== undefined) this.#undo.set(declared.exports, undo);
    } catch {
      /* An ES module that was loaded by `require`: its namespace is nobody's to change. */
    }
    return declared.exports;
  }

  #unpatch(exports: unknown): void {
    this.#undo.get(exports)?.();
    this.#undo.delete(exports);
  }

  #ownTracker(): LockTracker | undefined {
    this.#standalone ??= this.#measure();
    return this.#standalone?.tracker;
  }

  #measure(): Standalone | undefined {
    const { meter } = this;
    const options = (description: string) => ({
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: BOUNDS_S },
    });
    const waits = meter.createHistogram(
      'gridwatch.lock.wait.duration',
      options('Contended acquisitions: how long they had to wait.'),
    );
    const holds = meter.createHistogram(
      'gridwatch.lock.hold.duration',
      options('How long locks were held; sampled, unbiased.'),
    );
    const sink: LockSink = {
      waited: (lockClass, durationNs) => waits.record(durationNs / 1e9, attributesOf(lockClass)),
      held: (lockClass, durationNs, weight) => {
        for (let i = 0; i < weight; i++) holds.record(durationNs / 1e9, attributesOf(lockClass));
      },
      waitedLong: (wait) => this.#emit(wait),
    };
    const made = patches.standalone(sink);
    if (made === undefined) return undefined;
    for (const name of COUNTERS) {
      const counter = meter.createObservableCounter(`gridwatch.lock.${name}`, { unit: `{${name.slice(0, -1)}}` });
      counter.addCallback((result) => {
        for (const counts of made.counts) result.observe(counts[name], attributesOf(counts));
      });
    }
    const waiters = meter.createObservableUpDownCounter('gridwatch.lock.waiter.count', { unit: '{waiter}' });
    waiters.addCallback((result) => {
      for (const counts of made.counts) result.observe(counts.waiters, attributesOf(counts));
    });
    return made;
  }

  /** A span for a wait of a span that is sampled, past the threshold; no root for any other. */
  #emit(wait: LongWait): void {
    if (
      wait.durationNs < (this.getConfig().lockThresholdMs ?? DEFAULT_THRESHOLD_MS) * 1e6 ||
      wait.context === undefined ||
      (wait.context.traceFlags & 1) === 0
    )
      return;
    const endMs = performance.timeOrigin + performance.now();
    const links: Link[] = wait.holderContext === undefined ? [] : [{ context: wait.holderContext }];
    const attributes = {
      ...attributesOf(wait),
      'gridwatch.contended': true,
      'gridwatch.wait.outcome': wait.outcome,
      ...(wait.holderSite === '' ? {} : { 'gridwatch.lock.holder.site': wait.holderSite }),
      ...placeOf(wait.site),
    };
    const startTime = endMs - wait.durationNs / 1e6;
    const parent = trace.setSpanContext(ROOT_CONTEXT, wait.context);
    const span = this.tracer.startSpan(
      `lock.wait ${wait.name}`,
      { kind: SpanKind.INTERNAL, startTime, links, attributes },
      parent,
    );
    span.end(endMs);
  }
}

function attributesOf({ name, kind, mode }: LockClassName): Attributes {
  return { 'gridwatch.lock.name': name, 'gridwatch.lock.kind': kind, 'gridwatch.lock.mode': mode };
}

function placeOf(site: string): Attributes {
  const [, file, line] = /^(.*):(\d+)$/.exec(site) ?? [];
  return file === undefined ? {} : { 'code.file.path': file, 'code.line.number': Number(line) };
}

/** Waits and holds of `Mutex` and `Semaphore` of async-mutex. */
export class AsyncMutexInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('async-mutex', config);
  }

  protected init(): InstrumentationNodeModuleDefinition {
    return this.define('async-mutex');
  }
}

/** Waits and holds of the keys of async-lock. */
export class AsyncLockInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('async-lock', config);
  }

  protected init(): InstrumentationNodeModuleDefinition {
    return this.define('async-lock');
  }
}

/** Waits and tasks of p-limit. */
export class PLimitInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('p-limit', config);
  }

  protected init(): InstrumentationNodeModuleDefinition {
    return this.define('p-limit');
  }
}

/** Waits and holds of `Sema` of async-sema. */
export class AsyncSemaInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('async-sema', config);
  }

  protected init(): InstrumentationNodeModuleDefinition {
    return this.define('async-sema');
  }
}
