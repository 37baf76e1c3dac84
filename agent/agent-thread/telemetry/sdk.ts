/**
 * The telemetry of the agent: where metrics are read, spans and log records go in, and OTLP comes out. Runs on the agent thread. It is there at
 * once; the SDK loads behind it, and what is emitted until then waits. It must never throw or reject, hold the thread alive, or keep more than its
 * bounds: an export that fails is counted, said once, and tried again.
 */
import type { Config, Feature } from '../../config/options.ts';
import type { Diag } from '../../diag.ts';
import type { Clock } from '../../shared-memory/clock.ts';
import { Backlog } from './backlog.ts';
import { FAMILIES, type Family, type RecordKind, type Signal } from './catalog.ts';
import { prepareEnvironment, type TelemetryEnvironment } from './environment.ts';
import { Exporters } from './exporters.ts';
import { LogEmitter } from './logs.ts';
import { MetricRegistry, type MetricSink } from './metrics.ts';
import { Readers } from './readers.ts';
import type { ResourceAttributes } from './resource.ts';
import { startSdk } from './sdk-loader.ts';
import { SdkOutput } from './sdk-output.ts';
import { SpanEmitter } from './spans.ts';

export interface TelemetrySettings {
  readonly clock: Clock;
  readonly config: Pick<Config, 'metricsMaxSeries'>;
  /** This thread's own environment, `process.env`: the agent's defaults are written into it for the SDK to read. */
  readonly env: NodeJS.ProcessEnv;
  /** The version of this package. */
  readonly version: string;
  /** What the process is, as far as the agent has found out. */
  readonly resourceAttributes: ResourceAttributes;
  /** The resource of the application's own SDK, undefined when it has none; it stands above all others. Exports begin when the promise is kept. */
  readonly applicationResource?: Promise<ResourceAttributes | undefined>;
  /** What the machine is, below all that is known of the process; exports wait for it as well. */
  readonly hardwareAttributes?: Promise<ResourceAttributes>;
  /** Until then it may turn out that it is to be silent: nothing leaves before. */
  readonly isDecided?: Promise<void>;
  readonly diag: Diag;
  readonly countDrop: (kind: RecordKind, records: number) => void;
  /** Whether a feature runs; every one does by default. */
  readonly isOn?: (feature: Feature) => boolean;
}

export interface TelemetryStats {
  /** Whether the SDK is there: not yet, yes, yes but with nothing to export to (or OTEL_SDK_DISABLED), or it could not be loaded. */
  readonly state: 'loading' | 'running' | 'off' | 'failed';
  readonly exportFailures: Readonly<Record<Signal, number>>;
  readonly spoolBytes: number;
  readonly series: number;
}

const TICK_MS = 1000;

export class Telemetry {
  readonly metrics: MetricRegistry;
  readonly spans: SpanEmitter;
  readonly logs: LogEmitter;
  /** Resolves when the SDK runs, or will not. */
  readonly ready: Promise<void>;
  readonly #settings: TelemetrySettings;
  readonly #environment: TelemetryEnvironment;
  readonly #scope: { readonly name: string; readonly version: string };
  readonly #exporters: Exporters;
  readonly #readers: Readers;
  readonly #backlog: Backlog;
  #state: TelemetryStats['state'] = 'loading';
  #output: SdkOutput | undefined;

  constructor(settings: TelemetrySettings) {
    const { clock, diag, countDrop } = settings;
    const nowNs = (): number => clock.nowNs();
    this.#settings = settings;
    this.#scope = { name: 'gridwatch', version: settings.version };
    this.#environment = prepareEnvironment(settings.env, diag);
    this.#backlog = new Backlog(countDrop);
    this.spans = new SpanEmitter({
      nowNs,
      write: (span) => {
        if (!this.#readers.isSilent) this.#backlog.span(span);
      },
    });
    this.logs = new LogEmitter({
      nowNs,
      write: (log) => {
        if (!this.#readers.isSilent) this.#backlog.log(log);
      },
      emitSpan: (span) => this.spans.emit(span),
    });
    this.metrics = new MetricRegistry({
      clock,
      maxSeries: settings.config.metricsMaxSeries,
      ...(settings.isOn === undefined ? {} : { isOn: settings.isOn }),
      onLimit: (family, joinedNames) => this.#reportLimit(family, joinedNames),
      onSourceError: (error) => diag.once(`source ${String(error)}`).error(`a metric source failed: ${String(error)}`),
      onDrop: () => countDrop('metric', 1),
    });
    this.metrics.addSource({ collect: (sink) => this.#collect(sink) });
    this.#exporters = new Exporters({ diag, timeoutsMs: this.#environment.timeoutsMs, countDrop, nowMs: Date.now });
    this.#readers = new Readers(this.metrics, this.#scope, settings.isDecided);
    this.ready = this.#start();
  }

  /** While it is silent nothing is exported: metrics count on unseen, spans and log records are let go, those that wait too, and nobody is told of a loss. */
  set isSilent(isSilent: boolean) {
    this.#readers.isSilent = isSilent;
    if (isSilent) this.#backlog.empty();
  }

  /**
   * Exports everything emitted before, and the metrics as they are now. Resolves when it has been delivered, or tried, or `timeoutMs` have passed,
   * whichever comes first; never rejects.
   */
  async flush(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    try {
      await Promise.race([this.#flushAll(), deadline]);
    } catch (error) {
      this.#settings.diag.once('flush').error(`the last export failed: ${String(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether spans leave the process, or will once the SDK is there. */
  get hasSpans(): boolean {
    if (this.#state === 'loading') return true;
    return this.#state === 'running' && this.#output?.hasSpans === true;
  }

  stats(): TelemetryStats {
    return {
      state: this.#state,
      exportFailures: { ...this.#exporters.failures },
      spoolBytes: this.#exporters.spoolBytes,
      series: this.metrics.seriesCount,
    };
  }

  async #start(): Promise<void> {
    const { diag, env, version, clock, countDrop, resourceAttributes: processAttributes } = this.#settings;
    const applicationResource = this.#settings.applicationResource ?? Promise.resolve(undefined);
    const hardwareAttributes = this.#settings.hardwareAttributes ?? Promise.resolve({});
    try {
      // What the caller does in this turn, draining above all, comes before 150 ms of loading.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#environment.isDisabled) {
        this.#switchOff();
        return;
      }
      const [environment, exporters, readers] = [this.#environment, this.#exporters, this.#readers];
      const identity = { processAttributes, applicationResource, hardwareAttributes };
      const api = await startSdk({ environment, env, version, ...identity, exporters, readers, diag });
      this.#output = new SdkOutput({ api, clock, scope: this.#scope, countDrop });
      if (readers.isEmpty && this.#output.isEmpty) {
        this.#switchOff();
        return;
      }
      await Promise.all([applicationResource, hardwareAttributes, this.#settings.isDecided]);
      this.#backlog.pass(this.#output);
      this.#state = 'running';
      setInterval(() => this.spans.tick(), TICK_MS).unref();
    } catch (error) {
      this.#state = 'failed';
      this.#backlog.fail();
      diag.error(`OpenTelemetry cannot be started, so nothing is exported: ${String(error)}`);
    }
  }

  /** Nobody wants what is emitted: nothing is lost. */
  #switchOff(): void {
    this.#state = 'off';
    this.#backlog.discard();
  }

  async #flushAll(): Promise<void> {
    await this.ready;
    this.spans.flush();
    this.#exporters.endPauses();
    await Promise.all([this.#output?.flush(), this.#readers.flush()]);
    await this.#exporters.flush();
  }

  #collect(sink: MetricSink): void {
    for (const [signal, failures] of Object.entries(this.#exporters.failures)) {
      sink.sum('gridwatch.agent.export.failures', { 'gridwatch.signal': signal }, failures);
    }
    sink.sum('gridwatch.agent.spool.size', {}, this.#exporters.spoolBytes);
    sink.sum('gridwatch.agent.series', {}, this.metrics.seriesCount);
  }

  #reportLimit(family: Family, joinedNames: number): void {
    this.logs.emit({
      eventName: 'gridwatch.agent.degraded',
      body: `${joinedNames} of the ${family} share series as _OTHER: at most ${FAMILIES[family].maxNames} have their own, within GRIDWATCH_METRICS_MAX_SERIES`,
      attributes: { 'gridwatch.feature': family, 'gridwatch.reason': 'budget' },
      timeNs: this.#settings.clock.nowNs(),
      key: family,
    });
  }
}

/** The telemetry of this thread. It returns at once; the SDK loads afterwards. */
export function createTelemetry(settings: TelemetrySettings): Telemetry {
  return new Telemetry(settings);
}
