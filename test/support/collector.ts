/**
 * One Collector with the shipped `collector-config/collector.yaml` and files of that folder laid over it, on free ports and with a queue of its own. Runs in a test's
 * own process; the Collector is another one, and must not outlive the test: whoever starts it disposes of it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackendProcess } from './backend-process.ts';
import { freePorts } from './free-ports.ts';

export const CONFIG_FOLDER: string = fileURLToPath(new URL('../../collector-config/', import.meta.url));

export interface RunningCollector extends AsyncDisposable {
  /** For OTLP over HTTP. */
  readonly url: string;
  readonly process: BackendProcess;
}

/** `overlays` are relative to `collector-config/`, `env` is theirs. Resolves when it takes OTLP. */
export async function startCollector(
  otelcol: string,
  overlays: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<RunningCollector> {
  const ports = await freePorts('grpc', 'http', 'prometheus', 'telemetry', 'health');
  const cwd = await mkdtemp(join(tmpdir(), 'gridwatch-collector-'));
  const process = await BackendProcess.start({
    name: ['collector', ...overlays].join(' with '),
    file: otelcol,
    args: ['collector.yaml', ...overlays].flatMap((file) => ['--config', join(CONFIG_FOLDER, file)]),
    cwd,
    env: {
      COLLECTOR_OTLP_GRPC_PORT: String(ports.grpc),
      COLLECTOR_OTLP_HTTP_PORT: String(ports.http),
      COLLECTOR_PROMETHEUS_PORT: String(ports.prometheus),
      COLLECTOR_TELEMETRY_PORT: String(ports.telemetry),
      COLLECTOR_HEALTH_PORT: String(ports.health),
      COLLECTOR_STORAGE: join(cwd, 'queue'),
      ...env,
    },
    readyUrl: `http://127.0.0.1:${ports.health}`,
  });
  return {
    url: `http://127.0.0.1:${ports.http}`,
    process,
    [Symbol.asyncDispose]: async () => {
      await process.kill();
      await rm(cwd, { recursive: true });
    },
  };
}
