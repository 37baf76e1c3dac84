/**
 * Promise locks, without the agent: their waits and holds as metrics of the program's SDK, and the long waits as spans.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import {
  type Attributes,
  type Histogram,
  type Link,
  type Meter,
  ROOT_CONTEXT,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type { LockClassName, LockSink, LongWait, Standalone } from '../app-thread/async-locks/standalone.ts';
import type { LockTracker } from '../app-thread/async-locks/tracker.ts';
import { ageS, DEFAULT_THRESHOLD_MS, isSampled, placeOf } from './attributes.ts';
import { histogramOf, observe } from './instruments.ts';
import type { PromiseLockInstrumentationConfig } from './options.ts';
import { type Host, PackageInstrumentation } from './package-instrumentation.ts';
import { lockPatches, memoryWithoutAgent } from './patch-files.ts';
import { type Measurement, type PackageKind, TrackedPackage } from './tracked-package.ts';

const COUNTERS = ['acquisitions', 'contentions', 'timeouts', 'aborts'] as const;

type LockHost = Host<PromiseLockInstrumentationConfig>;

class LockSpansAndMetrics implements LockSink {
  readonly #host: LockHost;
  #waits: Histogram | undefined;
  #holds: Histogram | undefined;

  constructor(host: LockHost) {
    this.#host = host;
  }

  get isOn(): boolean {
    return this.#host.isOn;
  }

  use(meter: Meter, { counts, nowNs }: Standalone): void {
    this.#waits = histogramOf(meter, 'gridwatch.lock.wait.duration');
    this.#holds = histogramOf(meter, 'gridwatch.lock.hold.duration');
    for (const name of COUNTERS)
      observe(meter, `gridwatch.lock.${name}`, () => counts.map((count) => [count[name], attributesOf(count)]));
    observe(meter, 'gridwatch.lock.waiter.count', () => counts.map((count) => [count.waiters, withoutMode(count)]));
    observe(meter, 'gridwatch.lock.oldest_waiter.age', () =>
      counts.map((count) => [ageS(count.oldestSinceNs, nowNs()), withoutMode(count)]),
    );
  }

  waited(lockClass: LockClassName, durationNs: number): void {
    this.#waits?.record(durationNs / 1e9, attributesOf(lockClass));
  }

  held(lockClass: LockClassName, durationNs: number, weight: number): void {
    for (let i = 0; i < weight; i++) this.#holds?.record(durationNs / 1e9, attributesOf(lockClass));
  }

  /** A span for a wait of a span that is sampled, past the threshold; no root for any other. */
  waitedLong(wait: LongWait): void {
    const { config, tracer } = this.#host;
    const { context, holderContext, durationNs } = wait;
    const thresholdMs = config.lockThresholdMs ?? DEFAULT_THRESHOLD_MS;
    if (durationNs < thresholdMs * 1e6 || context === undefined || !isSampled(context)) return;
    const links: Link[] = holderContext === undefined ? [] : [{ context: holderContext }];
    const attributes = {
      ...attributesOf(wait),
      'gridwatch.contended': true,
      'gridwatch.wait.outcome': wait.outcome,
      ...(wait.holderSite === '' ? {} : { 'gridwatch.lock.holder.site': wait.holderSite }),
      ...placeOf(wait.site),
    };
    const parent = trace.setSpanContext(ROOT_CONTEXT, context);
    const options = { kind: SpanKind.INTERNAL, startTime: wait.began, links, attributes };
    tracer.startSpan(`lock.wait ${wait.name}`, options, parent).end(wait.ended);
  }
}

function attributesOf(lockClass: LockClassName): Attributes {
  return { ...withoutMode(lockClass), 'gridwatch.lock.mode': lockClass.mode };
}

/** Of who waits, for whichever mode: promise locks have but one. */
function withoutMode({ name, kind }: LockClassName): Attributes {
  return { 'gridwatch.lock.name': name, 'gridwatch.lock.kind': kind };
}

function measure(host: LockHost): Measurement<LockTracker> | undefined {
  const sink = new LockSpansAndMetrics(host);
  const memory = memoryWithoutAgent();
  const made = memory && lockPatches().standalone(sink, memory);
  if (made === undefined) return undefined;
  const { tracker, counts } = made;
  return {
    tracker,
    isInUse: () => tracker.holding > 0 || counts.some(({ waiters }) => waiters > 0),
    use: (meter) => sink.use(meter, made),
  };
}

const PROMISE_LOCKS: PackageKind<PromiseLockInstrumentationConfig, LockTracker> = {
  agentTracker: () => lockPatches().lockTracker(),
  measure,
  patch: (...args) => lockPatches().patchFile(...args),
};

/** Waits and holds of one package's locks. */
class PromiseLockInstrumentation extends PackageInstrumentation<PromiseLockInstrumentationConfig> {
  constructor(module: string, config: PromiseLockInstrumentationConfig) {
    super(module, config, (host) => new TrackedPackage(PROMISE_LOCKS, host));
  }
}

/** Waits and holds of `Mutex` and `Semaphore` of async-mutex. */
export class AsyncMutexInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('async-mutex', config);
  }
}

/** Waits and holds of the keys of async-lock. */
export class AsyncLockInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('async-lock', config);
  }
}

/** Waits and tasks of p-limit. */
export class PLimitInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('p-limit', config);
  }
}

/** Waits and holds of `Sema` of async-sema. */
export class AsyncSemaInstrumentation extends PromiseLockInstrumentation {
  constructor(config: PromiseLockInstrumentationConfig = {}) {
    super('async-sema', config);
  }
}
