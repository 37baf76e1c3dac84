/**
 * Collector, Jaeger, Prometheus and Alertmanager with the files of `collector-config/`, on free ports of the loopback interface and a folder of their
 * own. Runs in a test's own process. The Collector and Jaeger run the shipped files as they are; Prometheus and Alertmanager expand no variables, so
 * they run copies in which only the addresses differ. Where a test asks for it, it also differs how long they take.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AlertmanagerApi } from './alertmanager-api.ts';
import { BackendProcess } from './backend-process.ts';
import type { BackendName } from './backends.ts';
import { collectorLosses, collectorTotal } from './collector-metrics.ts';
import { freePorts } from './free-ports.ts';
import { HURRIED_COLLECTOR, hurried } from './hurry.ts';
import { JaegerApi } from './jaeger-api.ts';
import { PrometheusApi, type PrometheusSeries, readMetricsPage } from './prometheus-api.ts';

const CONFIG = fileURLToPath(new URL('../../collector-config/', import.meta.url));

/** The binaries, by name. */
export type Binaries = Readonly<Record<BackendName, string>>;

const PORTS = [
  'collectorGrpc',
  'collectorHttp',
  'collectorPrometheus',
  'collectorTelemetry',
  'collectorHealth',
  'jaegerGrpc',
  'jaegerHttp',
  'jaegerQuery',
  'jaegerQueryGrpc',
  'jaegerTelemetry',
  'jaegerHealth',
  'prometheus',
  'alertmanager',
  'application',
  'webhook',
] as const;
type Ports = Readonly<Record<(typeof PORTS)[number], number>>;

const NAMES = ['jaeger', 'collector', 'alertmanager', 'prometheus'] as const;
type Name = (typeof NAMES)[number];

export interface StackOptions {
  /** Which to start; default: all. */
  readonly only?: readonly Name[];
  /** Added to the scrape configurations, with the stack's port for an application in place of `APPLICATION`. */
  readonly scrapeConfig?: string;
  /** All but Jaeger wait no longer than a test can; default: as long as they are shipped. */
  readonly isHurried?: boolean;
  /** Laid over the Collector's file, in YAML; default: nothing. */
  readonly collectorConfig?: string;
}

export class Stack implements AsyncDisposable {
  readonly #binaries: Binaries;
  readonly #folder: string;
  readonly ports: Ports;
  readonly #isHurried: boolean;
  readonly #started: BackendProcess[] = [];

  private constructor(binaries: Binaries, folder: string, ports: Ports, isHurried: boolean) {
    this.#binaries = binaries;
    this.#folder = folder;
    this.ports = ports;
    this.#isHurried = isHurried;
  }

  static async start(
    binaries: Binaries,
    { only = NAMES, scrapeConfig = '', isHurried = false, collectorConfig = '' }: StackOptions = {},
  ): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'gridwatch-stack-'));
    const stack = new Stack(binaries, folder, await freePorts(...PORTS), isHurried);
    try {
      if (only.includes('jaeger')) stack.#started.push(await stack.#startJaeger());
      if (only.includes('collector')) stack.#started.push(await stack.#startCollector(collectorConfig));
      if (only.includes('alertmanager')) stack.#started.push(await stack.#startAlertmanager());
      if (only.includes('prometheus')) stack.#started.push(await stack.#startPrometheus(scrapeConfig));
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
    return stack;
  }

  /** A backend by its name; it must have been started. */
  process(name: Name): BackendProcess {
    const found = this.#started.find((backend) => backend.name === name);
    if (found === undefined) throw new Error(`${name} was not started`);
    return found;
  }

  get jaeger(): JaegerApi {
    return new JaegerApi(this.#url('jaegerQuery'));
  }

  get prometheus(): PrometheusApi {
    return new PrometheusApi(this.#url('prometheus'));
  }

  get alertmanager(): AlertmanagerApi {
    return new AlertmanagerApi(this.#url('alertmanager'));
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get collectorUrl(): string {
    return this.#url('collectorHttp');
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT of a process that needs no Collector. */
  get jaegerUrl(): string {
    return this.#url('jaegerHttp');
  }

  /** Where a user looks at traces. */
  get jaegerUiUrl(): string {
    return this.#url('jaegerQuery');
  }

  /** Where a user asks for metrics. */
  get prometheusUrl(): string {
    return this.#url('prometheus');
  }

  /** What the Collector shows to Prometheus of the services. */
  async serviceMetrics(): Promise<PrometheusSeries[]> {
    return readMetricsPage(`${this.#url('collectorPrometheus')}/metrics`);
  }

  /** A metric of the Collector's own, added up over its series: 0 before the first. Without the prefix and any `_total`. */
  async collectorTotal(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return collectorTotal(this.#url('collectorTelemetry'), name, labels);
  }

  /** Whether every span the Collector has accepted has been taken by Jaeger. */
  async hasSentAll(): Promise<boolean> {
    const accepted = await this.collectorTotal('receiver_accepted_spans');
    return accepted > 0 && (await this.collectorTotal('exporter_sent_spans')) === accepted;
  }

  /** What the Collector refused, gave up or could not queue, by its metric; empty when nothing. */
  async collectorLosses(): Promise<Record<string, number>> {
    return collectorLosses(this.#url('collectorTelemetry'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map(async (backend) => backend.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #url(port: keyof Ports): string {
    return `http://127.0.0.1:${this.ports[port]}`;
  }

  #startJaeger(): Promise<BackendProcess> {
    return BackendProcess.start({
      name: 'jaeger',
      file: this.#binaries.jaeger,
      args: ['--config', join(CONFIG, 'jaeger.yaml')],
      cwd: this.#folder,
      env: this.jaegerEnv,
      readyUrl: `${this.#url('jaegerHealth')}/status`,
    });
  }

  async #startCollector(overlay: string): Promise<BackendProcess> {
    const overlays = this.#isHurried ? [HURRIED_COLLECTOR] : [];
    if (overlay !== '') {
      const file = join(this.#folder, 'collector-overlay.yaml');
      await writeFile(file, overlay);
      overlays.push(file);
    }
    return BackendProcess.start({
      name: 'collector',
      file: this.#binaries.otelcol,
      args: ['--config', join(CONFIG, 'collector.yaml'), ...overlays.flatMap((each) => ['--config', each])],
      cwd: this.#folder,
      env: this.collectorEnv,
      readyUrl: this.#url('collectorHealth'),
    });
  }

  async #startPrometheus(scrapeConfig: string): Promise<BackendProcess> {
    await this.#copy('prometheus.yml', scrapeConfig);
    await mkdir(join(this.#folder, 'rules'));
    for (const file of await readdir(join(CONFIG, 'rules'))) await this.#copy(join('rules', file));
    return BackendProcess.start({
      name: 'prometheus',
      file: this.#binaries.prometheus,
      args: [
        `--config.file=${join(this.#folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.#folder, 'prometheus')}`,
        `--web.console.templates=${join(CONFIG, 'runbooks')}`,
        `--web.listen-address=127.0.0.1:${this.ports.prometheus}`,
      ],
      cwd: this.#folder,
      readyUrl: `${this.#url('prometheus')}/-/ready`,
    });
  }

  async #startAlertmanager(): Promise<BackendProcess> {
    await this.#copy('alertmanager.yaml');
    return BackendProcess.start({
      name: 'alertmanager',
      file: this.#binaries.alertmanager,
      args: [
        `--config.file=${join(this.#folder, 'alertmanager.yaml')}`,
        `--storage.path=${join(this.#folder, 'alertmanager')}`,
        `--web.listen-address=127.0.0.1:${this.ports.alertmanager}`,
        '--cluster.listen-address=',
      ],
      // Above `usr/bin/`: the unpacked one finds its templates from there.
      cwd: join(dirname(this.#binaries.alertmanager), '..', '..'),
      readyUrl: `${this.#url('alertmanager')}/-/ready`,
    });
  }

  get collectorEnv(): Record<string, string> {
    return {
      COLLECTOR_OTLP_GRPC_PORT: String(this.ports.collectorGrpc),
      COLLECTOR_OTLP_HTTP_PORT: String(this.ports.collectorHttp),
      COLLECTOR_PROMETHEUS_PORT: String(this.ports.collectorPrometheus),
      COLLECTOR_TELEMETRY_PORT: String(this.ports.collectorTelemetry),
      COLLECTOR_HEALTH_PORT: String(this.ports.collectorHealth),
      COLLECTOR_STORAGE: join(this.#folder, 'collector'),
      JAEGER_ENDPOINT: `127.0.0.1:${this.ports.jaegerGrpc}`,
    };
  }

  get jaegerEnv(): Record<string, string> {
    return {
      JAEGER_OTLP_GRPC_PORT: String(this.ports.jaegerGrpc),
      JAEGER_OTLP_HTTP_PORT: String(this.ports.jaegerHttp),
      JAEGER_QUERY_PORT: String(this.ports.jaegerQuery),
      JAEGER_QUERY_GRPC_PORT: String(this.ports.jaegerQueryGrpc),
      JAEGER_TELEMETRY_PORT: String(this.ports.jaegerTelemetry),
      JAEGER_HEALTH_PORT: String(this.ports.jaegerHealth),
      JAEGER_STORAGE: join(this.#folder, 'jaeger'),
      PROMETHEUS_URL: this.#url('prometheus'),
    };
  }

  /** A shipped file with this stack's addresses, in the stack's own folder. */
  async #copy(name: string, addition = ''): Promise<void> {
    const ports: Record<string, number> = {
      'collector:8889': this.ports.collectorPrometheus,
      'collector:8888': this.ports.collectorTelemetry,
      'jaeger:8887': this.ports.jaegerTelemetry,
      'localhost:9090': this.ports.prometheus,
      'localhost:16686': this.ports.jaegerQuery,
      'alertmanager:9093': this.ports.alertmanager,
      'host.docker.internal:5001': this.ports.webhook,
      APPLICATION: this.ports.application,
    };
    let text = (await readFile(join(CONFIG, name), 'utf8')) + addition;
    for (const [address, port] of Object.entries(ports)) text = text.replaceAll(address, `127.0.0.1:${port}`);
    if (this.#isHurried) text = hurried(text);
    await writeFile(join(this.#folder, name), text);
  }
}
