/**
 * Loads the OpenTelemetry SDK and starts it the way the environment says. Runs on the agent thread, long after it has begun to drain: loading takes
 * some 150 ms, and half as long again as ES modules, so it is required. It is started before it is known who the process is, so that a program that
 * ends in between does not wait for it. Whatever has to be in place before the SDK builds its readers, processors and exporters is put there first.
 * It must never be imported anywhere else: only this folder knows the SDK.
 */
import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type * as SdkNode from '@opentelemetry/sdk-node';
import type { Diag } from '../../diag.ts';
import type { TelemetryEnvironment } from './environment.ts';
import type { ExporterClass, Exporters } from './exporters.ts';
import { deferSeldomUsed, leaveUndiciOut } from './lazy-modules.ts';
import {
  type MetricExporterClass,
  preferExponentialHistograms,
  type ReaderClass,
  type Readers,
  setConsoleInterval,
} from './readers.ts';
import {
  addToResource,
  createResource,
  LateResource,
  type ResourceAttributes,
  type ResourceOwner,
  type ResourceTools,
} from './resource.ts';
import { createSdkDiag } from './sdk-diag.ts';

export interface SdkSettings {
  readonly environment: TelemetryEnvironment;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** What the agent found out about the process. */
  readonly processAttributes: ResourceAttributes;
  /** What the application's own SDK says of it, if it has one. */
  readonly applicationResource: Promise<ResourceAttributes | undefined>;
  /** What the machine is. */
  readonly hardwareAttributes: Promise<ResourceAttributes>;
  readonly exporters: Exporters;
  readonly readers: Readers;
  readonly diag: Diag;
}

/** What cannot be said from code when a file says everything. */
const NOT_WITH_A_FILE =
  "OTEL_CONFIG_FILE is set, so everything not in the file has OpenTelemetry's defaults: the process's resource attributes and service name, " +
  'the export intervals (15 s for metrics, 1 s for spans and logs) and the other OTEL_ variables do not apply';

/** Starts the SDK and returns the API it has registered itself with. Its exporters wait until it is known who the process is. */
export async function startSdk(settings: SdkSettings): Promise<typeof Api> {
  const { environment, diag, version } = settings;
  const require = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
  deferSeldomUsed(require);
  leaveUndiciOut();
  const sdkNode = require('@opentelemetry/sdk-node') as typeof SdkNode;
  const api = require('@opentelemetry/api') as typeof Api;
  keepOurVoice(api, environment, diag);
  takeOverReaders(require, settings);
  if (environment.configFile === undefined) startFromEnvironment(sdkNode, require, settings);
  else {
    const applicationResource = await settings.applicationResource;
    diag.info(NOT_WITH_A_FILE);
    sdkNode.startNodeSdk();
    addToResource(providersOf(api), version, applicationResource);
  }
  for (const { OTLPExporterBase } of loadedCopies(require, 'otlp-exporter-base')) {
    settings.exporters.takeOver(OTLPExporterBase as ExporterClass);
  }
  return api;
}

function providersOf({ trace, metrics, logs }: typeof Api): ResourceOwner[] {
  const { getDelegate } = trace.getTracerProvider() as { getDelegate?: () => object };
  const tracerProvider = getDelegate === undefined ? {} : getDelegate.call(trace.getTracerProvider());
  return [tracerProvider, metrics.getMeterProvider(), logs.getLoggerProvider()] as ResourceOwner[];
}

function startFromEnvironment(sdkNode: typeof SdkNode, require: NodeJS.Require, settings: SdkSettings): void {
  const { env, version, processAttributes, applicationResource, hardwareAttributes } = settings;
  const tools = require('@opentelemetry/resources') as ResourceTools;
  const create = (ofApplication?: ResourceAttributes, ofHardware?: ResourceAttributes): Resource =>
    createResource(tools, processAttributes, env, version, ofApplication, ofHardware);
  const settled = Promise.all([applicationResource, hardwareAttributes]).then((known) => create(...known));
  const resource = new LateResource(create(), settled);
  // Nothing on this thread makes requests that would need a context or headers.
  const withoutContext = { contextManager: null, textMapPropagator: null } as object;
  new sdkNode.NodeSDK({ resource, autoDetectResources: false, ...withoutContext }).start();
}

/** The SDK replaces the logger when it starts: its level is taken over, its logger, which writes to the console, is not. */
function keepOurVoice(api: typeof Api, { logLevel }: TelemetryEnvironment, diag: Diag): void {
  const { diag: sdkDiag, DiagLogLevel } = api;
  const ours = createSdkDiag(diag, Date.now);
  const setLogger = sdkDiag.setLogger;
  const level = (DiagLogLevel as unknown as Record<string, Api.DiagLogLevel | undefined>)[logLevel.toUpperCase()];
  setLogger(ours, { logLevel: level ?? DiagLogLevel.WARN, suppressOverrideMessage: true });
  sdkDiag.setLogger = (_logger, options) => {
    const asked = typeof options === 'object' ? options.logLevel : options;
    return setLogger(ours, { logLevel: asked ?? DiagLogLevel.WARN, suppressOverrideMessage: true });
  };
}

/** Every loaded copy of a package: beside an application with other versions, npm may have nested several. */
function loadedCopies(require: NodeJS.Require, packageName: string): Record<string, unknown>[] {
  const suffix = `/@opentelemetry/${packageName}/dist/index.cjs`;
  return Object.entries(require.cache).flatMap(([file, module]) =>
    file.replaceAll('\\', '/').endsWith(suffix) ? [module?.exports as Record<string, unknown>] : [],
  );
}

function takeOverReaders(require: NodeJS.Require, { readers, environment }: SdkSettings): void {
  const { configFile, prefersExponentialHistograms, metricIntervalMs } = environment;
  if (prefersExponentialHistograms) {
    for (const { OTLPMetricExporterBase } of loadedCopies(require, 'exporter-metrics-otlp-http')) {
      preferExponentialHistograms(OTLPMetricExporterBase as MetricExporterClass);
    }
  }
  for (const { MetricReader, ConsoleMetricExporter } of loadedCopies(require, 'sdk-metrics')) {
    readers.takeOver(MetricReader as ReaderClass);
    if (configFile !== undefined) continue;
    setConsoleInterval(MetricReader as ReaderClass, ConsoleMetricExporter as NewableFunction, metricIntervalMs);
  }
}
