/**
 * Sends what an observation sees by OTLP, the way the agent does and by the same variables, as metrics of the program: under its name and number, not
 * under ours.
 *
 * Runs in the process of `gridwatch observe`. Unlike the agent it sends nothing unless somebody has said where to: there is a summary to read.
 */
import { Console } from 'node:console';
import { hardwareAttributes, readHardware } from '../agent-thread/host/hardware.ts';
import { ProcTree } from '../agent-thread/host/proc.ts';
import { packageVersion } from '../agent-thread/resource.ts';
import type { MetricSource } from '../agent-thread/telemetry/metrics.ts';
import { createTelemetry } from '../agent-thread/telemetry/sdk.ts';
import type { Config, Feature } from '../config/options.ts';
import type { Diag } from '../diag.ts';
import type { Clock } from '../shared-memory/clock.ts';
import { executableName, programName } from './program-name.ts';

export interface ShippingSettings {
  readonly pid: number;
  readonly command: readonly string[];
  readonly source: MetricSource;
  readonly clock: Clock;
  readonly config: Config;
  readonly diag: Diag;
}

export interface Shipping {
  /** Sends the last values, for as long as GRIDWATCH_EXIT_TIMEOUT_MS says. Resolves with what went wrong, '' for nothing. */
  end(): Promise<string>;
}

/** What can be told from outside. */
const FEATURES: ReadonlySet<Feature> = new Set(['threads', 'cpu', 'energy']);

/** Counters that begin at 0 elsewhere, and of which nobody knows anything from outside: how a thread ended. */
const UNKNOWN: readonly string[] = ['gridwatch.thread.exits'];

/** Begins to send. The SDK loads behind it. */
export function startShipping({ pid, command, source, clock, config, diag }: ShippingSettings): Shipping {
  // An exporter that prints must not print between the program's own lines.
  globalThis.console = new Console(process.stderr);
  const hardware = hardwareAttributes(readHardware({ proc: new ProcTree(), sys: new ProcTree({ root: '/sys' }) }));
  const telemetry = createTelemetry({
    clock,
    config,
    env: process.env,
    version: packageVersion(),
    resourceAttributes: {
      'service.name': programName(command),
      'process.pid': pid,
      'process.executable.name': executableName(command),
    },
    hardwareAttributes: Promise.resolve(hardware),
    diag,
    countDrop: () => {},
    isOn: (feature) => FEATURES.has(feature) && config.features[feature],
  });
  telemetry.metrics.leave(UNKNOWN);
  telemetry.metrics.addSource(source);
  return {
    end: async () => {
      await telemetry.flush(config.exitTimeoutMs);
      const { state, exportFailures } = telemetry.stats();
      if (state !== 'running') return `the SDK is ${state}`;
      return exportFailures.metrics > 0 ? `${exportFailures.metrics} exports failed` : '';
    },
  };
}
