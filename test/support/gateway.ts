/**
 * The gateway of `collector-config/gateway/` on free ports of the loopback interface: the Collector of a host, one instance of the first tier and two of the
 * second, with the shipped files as they are. Runs in a test's own process. Jaeger and Prometheus are a `Stack`'s, which is told of the second
 * tier by `scrapeConfig`; so the ports are known before anything runs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackendProcess } from './backend-process.ts';
import { collectorLosses, collectorTotal } from './collector-metrics.ts';
import { freePorts } from './free-ports.ts';
import { type PrometheusSeries, readMetricsPage } from './prometheus-api.ts';

const CONFIG = fileURLToPath(new URL('../../collector-config/', import.meta.url));

/** In the order in which they start: each sends to the one before. */
export const GATEWAY_NODES = ['tier2-a', 'tier2-b', 'tier1', 'host'] as const;
export type GatewayNode = (typeof GATEWAY_NODES)[number];
/** The second tier's, each named as in the series that it counts. */
export const TIER2 = ['tier2-a', 'tier2-b'] as const;

const PORTS = ['grpc', 'http', 'prometheus', 'telemetry', 'health'] as const;
type NodePorts = Readonly<Record<(typeof PORTS)[number], number>>;

export interface GatewayOptions {
  /** Where Jaeger takes OTLP by gRPC. */
  readonly jaegerPort: number;
  /** How long a trace may take to be whole; as shipped it is 30. */
  readonly decisionWaitS: number;
}

export class Gateway implements AsyncDisposable {
  readonly #binary: string;
  readonly #folder: string;
  readonly #ports: Readonly<Record<GatewayNode, NodePorts>>;
  readonly #started = new Map<GatewayNode, BackendProcess>();

  private constructor(binary: string, folder: string, ports: Readonly<Record<GatewayNode, NodePorts>>) {
    this.#binary = binary;
    this.#folder = folder;
    this.#ports = ports;
  }

  /** Nothing runs yet. */
  static async prepare({ otelcol }: { readonly otelcol: string }): Promise<Gateway> {
    const folder = await mkdtemp(join(tmpdir(), 'gridwatch-gateway-'));
    const entries = await Promise.all(GATEWAY_NODES.map(async (node) => [node, await freePorts(...PORTS)] as const));
    return new Gateway(otelcol, folder, Object.fromEntries(entries) as Record<GatewayNode, NodePorts>);
  }

  /** Resolves when all are ready. */
  async start(options: GatewayOptions): Promise<void> {
    for (const node of GATEWAY_NODES) {
      const backend = await BackendProcess.start({
        name: node,
        file: this.#binary,
        args: ['--config', join(CONFIG, 'collector.yaml'), '--config', join(CONFIG, 'gateway', fileOf(node))],
        cwd: this.#folder,
        env: { ...this.#envOf(node), ...this.#variables(node, options) },
        readyUrl: `http://127.0.0.1:${this.#ports[node].health}`,
      });
      this.#started.set(node, backend);
    }
  }

  /** For Prometheus: what a user adds to the targets of the job `services`. */
  get scrapeConfig(): string {
    const targets = TIER2.map((node) => `"127.0.0.1:${this.#ports[node].prometheus}"`);
    return `
  - job_name: gateway
    honor_labels: true
    static_configs:
      - targets: [${targets.join(', ')}]
`;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT: the host's. */
  get url(): string {
    return `http://127.0.0.1:${this.#ports.host.http}`;
  }

  process(node: GatewayNode): BackendProcess {
    const found = this.#started.get(node);
    if (found === undefined) throw new Error(`${node} was not started`);
    return found;
  }

  /** A metric of one node's own, as `collectorTotal` says. */
  async total(node: GatewayNode, name: string, labels?: Readonly<Record<string, string>>): Promise<number> {
    return collectorTotal(this.#telemetryUrl(node), name, labels);
  }

  /** What the nodes that run have lost since they were started, by node. */
  async losses(): Promise<Record<string, Record<string, number>>> {
    const all = await Promise.all(
      GATEWAY_NODES.map(async (node) => [node, await collectorLosses(this.#telemetryUrl(node))] as const),
    );
    return Object.fromEntries(all.filter(([, losses]) => Object.keys(losses).length > 0));
  }

  /** What an instance of the second tier shows to Prometheus. */
  async page(node: (typeof TIER2)[number]): Promise<PrometheusSeries[]> {
    return readMetricsPage(`http://127.0.0.1:${this.#ports[node].prometheus}/metrics`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#started.values()].map(async (backend) => backend.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #telemetryUrl(node: GatewayNode): string {
    return `http://127.0.0.1:${this.#ports[node].telemetry}`;
  }

  #envOf(node: GatewayNode): Record<string, string> {
    const ports = this.#ports[node];
    return {
      COLLECTOR_OTLP_GRPC_PORT: String(ports.grpc),
      COLLECTOR_OTLP_HTTP_PORT: String(ports.http),
      COLLECTOR_PROMETHEUS_PORT: String(ports.prometheus),
      COLLECTOR_TELEMETRY_PORT: String(ports.telemetry),
      COLLECTOR_HEALTH_PORT: String(ports.health),
      COLLECTOR_STORAGE: join(this.#folder, node),
    };
  }

  #variables(node: GatewayNode, { jaegerPort, decisionWaitS }: GatewayOptions): Record<string, string> {
    if (node === 'host') return { GATEWAY_ENDPOINT: `127.0.0.1:${this.#ports.tier1.grpc}` };
    if (node === 'tier1') {
      const hostnames = TIER2.map((each) => `"127.0.0.1:${this.#ports[each].grpc}"`);
      return { GATEWAY_TIER2: `{static: {hostnames: [${hostnames.join(', ')}]}}` };
    }
    return {
      GATEWAY_INSTANCE: node,
      GATEWAY_DECISION_WAIT: `${decisionWaitS}s`,
      JAEGER_ENDPOINT: `127.0.0.1:${jaegerPort}`,
    };
  }
}

function fileOf(node: GatewayNode): string {
  return `${node.replace(/-.$/, '')}.yaml`;
}
