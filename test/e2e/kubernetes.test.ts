/**
 * `collector-config/kubernetes/`: what each kustomization there makes, held against the API server's own validation, the operator's, and the Pod Security Standards;
 * the Collectors in it against the Collector, with the arguments, the environment and the files that their pods would have. No cluster runs any of it.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { bytesOfQueues, exportersOf } from '../support/collector-queues.ts';
import {
  bytesOf,
  type CheckedManifest,
  type Container,
  checkManifests,
  containersOf,
  environmentOf,
  KUBERNETES,
  mountConfigMaps,
  type Volume,
} from '../support/manifests.ts';
import { binariesFor } from './binaries.ts';

const execute = promisify(execFile);

/** What each makes, and the strictest standard that admits its pods. */
const KUSTOMIZATIONS = {
  node: ['ConfigMap', 'DaemonSet restricted', 'Namespace', 'Service'],
  'host-port': ['ConfigMap', 'DaemonSet privileged', 'Namespace', 'Service'],
  'node-disk': ['ConfigMap', 'DaemonSet privileged', 'Namespace', 'Service'],
  gateway: [
    'ConfigMap',
    'ConfigMap',
    'ConfigMap',
    'DaemonSet restricted',
    'Namespace',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'PodDisruptionBudget',
    'Service',
    'Service',
    'Service',
    'StatefulSet restricted',
    'StatefulSet restricted',
  ],
  app: ['Deployment restricted'],
  'in-image': ['Deployment restricted'],
  'host-ip': ['Deployment restricted'],
  'init-container': ['Deployment restricted'],
  sidecar: ['ConfigMap', 'Deployment restricted'],
  operator: ['Deployment restricted', 'Instrumentation'],
  energy: ['Deployment privileged'],
} as const;
const NAMES = Object.keys(KUSTOMIZATIONS) as (keyof typeof KUSTOMIZATIONS)[];
/** Each has its files in a ConfigMap. */
const WITH_COLLECTORS = NAMES.filter((name) => KUSTOMIZATIONS[name].some((kind) => kind === 'ConfigMap'));

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwatch-kubernetes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

it.for(NAMES)('%s is what an API server takes, with no more rights than it needs', async (name, context) => {
  const { manifests } = binariesFor(context);
  const objects = await checkManifests(manifests, join(KUBERNETES, name));
  expect(objects.flatMap(({ wrong }) => wrong)).toEqual([]);
  const kinds = objects.map(({ manifest: { kind }, podSecurity = '' }) => `${kind} ${podSecurity}`.trim());
  expect(kinds.toSorted()).toEqual(KUSTOMIZATIONS[name]);
});

it.for(NAMES)('%s: each Collector takes its arguments, environment and files', async (name, context) => {
  const { manifests, otelcol } = binariesFor(context);
  const objects = await checkManifests(manifests, join(KUBERNETES, name));
  const collectors = containersOf(objects).filter(({ container }) =>
    container.image.includes('opentelemetry-collector'),
  );
  expect(collectors).toHaveLength(objects.filter(({ manifest }) => manifest.kind === 'ConfigMap').length);
  for (const each of collectors) {
    const folder = await temporaryFolder();
    const args = await mountConfigMaps(each, objects, folder);
    const env = environmentOf(each.container, FIELDS);
    const { stdout, stderr } = await execute(otelcol, ['validate', ...args], { env });
    expect(stdout + stderr).toBe('');
  }
});

it('the Collector of a node and of a pod is that of any host', async (context) => {
  const { manifests } = binariesFor(context);
  const shipped = await readFile(join(KUBERNETES, '..', 'collector.yaml'), 'utf8');
  for (const name of ['node', 'sidecar']) {
    const objects = await checkManifests(manifests, join(KUBERNETES, name));
    const map = objects.find(({ manifest }) => manifest.kind === 'ConfigMap')?.manifest;
    expect(map?.data).toEqual({ 'collector.yaml': shipped });
  }
});

/** Each Collector that a kustomization makes, with its configuration's files in their order, and where its volume is. */
function collectorsOf(objects: readonly CheckedManifest[]): readonly {
  readonly container: Container;
  readonly files: readonly string[];
  readonly storage: Volume | undefined;
  readonly claimed: string | undefined;
}[] {
  return objects.flatMap(({ manifest: { spec } }) => {
    const pod = spec?.template?.spec;
    const containers = [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])];
    const ones = containers.filter(({ image }) => image.includes('opentelemetry-collector'));
    return ones.map((container) => {
      const volumeAt = (path: string): Volume | undefined => {
        const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === path)?.name;
        return pod?.volumes?.find(({ name }) => name === mount);
      };
      const map = volumeAt('/etc/otelcol')?.configMap?.name;
      const data = objects.find(({ manifest }) => manifest.kind === 'ConfigMap' && manifest.metadata.name === map)
        ?.manifest.data;
      return {
        container,
        files: (container.args ?? []).map((argument) => data?.[basename(argument)] ?? ''),
        storage: volumeAt('/var/lib/otelcol'),
        claimed: spec?.volumeClaimTemplates?.[0]?.spec.resources.requests.storage,
      };
    });
  });
}

it.for(WITH_COLLECTORS)(
  '%s: each Collector has the place for its queues, and for a copy while they are compacted',
  async (name, context) => {
    const { manifests } = binariesFor(context);
    const collectors = collectorsOf(await checkManifests(manifests, join(KUBERNETES, name)));
    expect(collectors).not.toEqual([]);
    for (const { container, files, storage, claimed } of collectors) {
      const needed = 2 * bytesOfQueues(files);
      expect(needed).toBeGreaterThan(0);
      if (storage !== undefined && 'hostPath' in storage) continue;
      const size = bytesOf(claimed ?? storage?.emptyDir?.sizeLimit ?? '');
      expect(size).toBeGreaterThanOrEqual(needed);
      // With more than that of all that the pod writes, it is evicted.
      const limit = container.resources?.limits?.['ephemeral-storage'];
      if (claimed === undefined) expect(bytesOf(limit ?? '')).toBeGreaterThan(size);
    }
  },
);

it.for(WITH_COLLECTORS)(
  '%s: Prometheus is told of a port for the metrics of services where there are some, and nowhere else',
  async (name, context) => {
    const { manifests } = binariesFor(context);
    for (const { container, files } of collectorsOf(await checkManifests(manifests, join(KUBERNETES, name)))) {
      const hasPort = container.ports?.some((port) => port.name === 'metrics');
      expect([container.args, hasPort]).toEqual([container.args, exportersOf(files).has('prometheus')]);
    }
  },
);

it('each Service leads to ports that its pods have, and each endpoint within the cluster is a port of a Service', async (context) => {
  const { manifests } = binariesFor(context);
  const objects = await checkManifests(manifests, join(KUBERNETES, 'gateway'));
  const templates = objects.flatMap(({ manifest: { spec } }) => spec?.template ?? []);
  const served = new Set<string>();
  for (const { manifest } of objects.filter((each) => each.manifest.kind === 'Service')) {
    const { metadata, spec: { selector = {}, ports = [] } = {} } = manifest;
    const [template, ...others] = templates.filter(({ metadata: { labels } }) =>
      Object.entries(selector).every(([label, value]) => labels[label] === value),
    );
    expect(others).toEqual([]);
    const containerPorts = template?.spec.containers[0]?.ports ?? [];
    for (const { port, targetPort } of ports) {
      expect(containerPorts).toContainEqual(expect.objectContaining({ name: targetPort, containerPort: port }));
      served.add(`${metadata.name}:${port}`);
    }
  }
  const wanted: string[] = [];
  for (const name of NAMES) {
    for (const { container } of containersOf(await checkManifests(manifests, join(KUBERNETES, name)))) {
      const values = Object.values(environmentOf(container, FIELDS)).join('\n');
      const found = values.matchAll(/([\w-]+)\.gridwatch\.svc\.cluster\.local(?::|, port: ")(\d+)/g);
      wanted.push(...Array.from(found, ([, service, port]) => `${service}:${port}`));
    }
  }
  expect([...new Set(wanted)].toSorted()).toEqual(['gateway-tier1:4317', 'gateway-tier2:4317', 'node-collector:4318']);
  expect(wanted.filter((each) => !served.has(each))).toEqual([]);
});

it('a service sends to the port that the Collector has on its node', async (context) => {
  const { manifests } = binariesFor(context);
  const [service] = containersOf(await checkManifests(manifests, join(KUBERNETES, 'host-ip')));
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = environmentOf(service?.container ?? {}, FIELDS);
  expect(endpoint).toBe('http://10.0.0.7:4318');
  const [collector] = containersOf(await checkManifests(manifests, join(KUBERNETES, 'host-port')));
  expect(collector?.container.ports).toContainEqual({
    name: 'otlp-http',
    containerPort: 4318,
    hostPort: 4318,
  });
});

it('Prometheus asks each Collector for the metrics of the services, and for its own', async (context) => {
  const { promtool } = binariesFor(context);
  const shipped = await readFile(join(KUBERNETES, 'prometheus-scrape.yaml'), 'utf8');
  // Debian's Prometheus knows no Kubernetes: what Kubernetes would tell it of pods stands there instead.
  const targets = [
    ['10.0.0.1', 'Running', 'collector', 'otlp-grpc', 4317],
    ['10.0.0.1', 'Running', 'collector', 'metrics', 8889],
    ['10.0.0.1', 'Running', 'collector', 'telemetry', 8888],
    ['10.0.0.1', 'Running', 'shop', 'metrics', 9464],
    // The pods of jobs that have ended, with their sidecars.
    ['10.0.0.2', 'Succeeded', 'collector', 'metrics', 8889],
    ['10.0.0.2', 'Succeeded', 'collector', 'telemetry', 8888],
    ['10.0.0.3', 'Failed', 'collector', 'metrics', 8889],
    ['10.0.0.3', 'Failed', 'collector', 'telemetry', 8888],
  ].map(
    ([host, phase, container, name, port]) => `
      - targets: ["${host}:${port}"]
        labels:
          __meta_kubernetes_pod_phase: ${phase}
          __meta_kubernetes_pod_name: collector-x7
          __meta_kubernetes_pod_container_name: ${container}
          __meta_kubernetes_pod_container_port_name: ${name}`,
  );
  const found = 'kubernetes_sd_configs:\n      - role: pod';
  expect(shipped.split(found)).toHaveLength(3);
  const folder = await temporaryFolder();
  const file = join(folder, 'prometheus.yml');
  await writeFile(file, shipped.replaceAll(found, `static_configs:${targets.join('')}`));
  const kept = async (job: string): Promise<unknown[]> => {
    const { stdout } = await execute(promtool, ['check', 'service-discovery', file, job, '--timeout=1s']);
    const all = JSON.parse(stdout) as readonly { readonly labels: Readonly<Record<string, string>> }[];
    return all.filter(({ labels }) => Object.keys(labels).length > 0).map(({ labels }) => labels);
  };
  expect(await kept('services')).toEqual([expect.objectContaining({ instance: '10.0.0.1:8889' })]);
  expect(await kept('collector')).toEqual([expect.objectContaining({ instance: 'collector-x7' })]);
});

/** What the kubelet knows of a pod. */
const FIELDS = {
  'metadata.namespace': 'shop',
  'metadata.name': 'shop-5d7f-x2x4z',
  'metadata.uid': '0b6f3c1e-0f3f-4a5e-9d3c-0d1c2b3a4f5e',
  'spec.nodeName': 'node-7',
  'status.hostIP': '10.0.0.7',
  "metadata.labels['app.kubernetes.io/name']": 'shop',
  "metadata.labels['app.kubernetes.io/version']": '1.0.0',
} as const;

const POD = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: faulty}
spec:
  selector: {matchLabels: {app: faulty}}
  template:
    metadata: {labels: {app: faulty}}
    spec:
      containers:
        - name: one
          image: one:1
`;

it.for([
  ['a misspelt field', POD.replace('image:', 'imgae:'), /unknown field "spec.template.spec.containers\[0\].imgae"/],
  [
    'a selector of other pods',
    POD.replace('labels: {app: faulty}', 'labels: {app: other}'),
    /`selector` does not match/,
  ],
  ['a port that there is not', `${POD}          ports: [{containerPort: 65536}]`, /must be between 1 and 65535/],
  ['a kind of another version', POD.replace('apps/v1', 'apps/v1beta7'), /no kind "Deployment" is registered/],
  ['a kind that nobody validates', 'apiVersion: v1\nkind: Secret\nmetadata: {name: faulty}', /nothing here validates/],
  [
    'a field that the operator does not know',
    'apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata: {name: faulty}\nspec: {nodeJs: {}}',
    /unknown field "spec.nodeJs"/,
  ],
  [
    'a sampler that the operator refuses',
    'apiVersion: opentelemetry.io/v1alpha1\nkind: Instrumentation\nmetadata: {name: faulty}\nspec: {sampler: {type: some}}',
    /sampler.type is not valid/,
  ],
] as const)('%s is found', async ([, text, found], context) => {
  const { manifests } = binariesFor(context);
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'kustomization.yaml'), 'resources: [faulty.yaml]');
  await writeFile(join(folder, 'faulty.yaml'), text);
  const [object] = await checkManifests(manifests, folder);
  expect(object?.wrong.join('\n')).toMatch(found);
});
