/**
 * What the kustomizations of `collector-config/kubernetes/` make, as the program in `test/e2e/backends/manifests/` sees it, and what a pod of theirs would be given by
 * Kubernetes: environment and files. Runs in a test's own process. It asks no cluster.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const KUBERNETES: string = fileURLToPath(new URL('../../collector-config/kubernetes/', import.meta.url));

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvironmentVariable[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
}

export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly emptyDir?: { readonly sizeLimit?: string };
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly port: number; readonly targetPort: string }[];
    readonly volumeClaimTemplates?: readonly VolumeClaim[];
  };
}

interface VolumeClaim {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
}

export interface CheckedManifest {
  readonly manifest: Manifest;
  /** Empty for one that the API server would take. */
  readonly wrong: readonly string[];
  /** The strictest standard that admits its pods. */
  readonly podSecurity?: 'restricted' | 'baseline' | 'privileged';
}

/** Rejects with what is wrong when a folder cannot be built at all. */
export async function checkManifests(manifests: string, folder: string): Promise<readonly CheckedManifest[]> {
  const output = await new Promise<string>((resolve, reject) => {
    execFile(manifests, [folder], { maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      // 1: it was built, and something is wrong, which the output says.
      if (error === null || error.code === 1) resolve(stdout);
      else reject(new Error(stderr, { cause: error }));
    });
  });
  return (JSON.parse(output) as { readonly objects: readonly CheckedManifest[] }).objects;
}

/** Every container of the objects that make pods, the one that stays for good first, with its pod. */
export function containersOf(
  objects: readonly CheckedManifest[],
): { readonly container: Container; readonly pod: PodSpec }[] {
  return objects.flatMap(({ manifest: { spec } }) => {
    const pod = spec?.template?.spec;
    if (pod === undefined) return [];
    return [...pod.containers, ...(pod.initContainers ?? [])].map((container) => ({ container, pod }));
  });
}

/** Variables as the kubelet gives them: `$(NAME)` stands for one that comes before. `fields` is what the pod is, by path. */
export function environmentOf(
  { env = [] }: Pick<Container, 'env'>,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const given: Record<string, string> = {};
  for (const { name, value = '', valueFrom } of env) {
    const path = valueFrom?.fieldRef.fieldPath;
    const field = path === undefined ? undefined : fields[path];
    if (path !== undefined && field === undefined) throw new Error(`${name}: the test has no ${path}`);
    given[name] = field ?? value.replaceAll(/\$\((\w+)\)/g, (all, other: string) => given[other] ?? all);
  }
  return given;
}

/** Writes the files that a container's ConfigMaps put into it, below `folder`; returns it with `folder` before each path of its arguments. */
export async function mountConfigMaps(
  { container, pod }: { readonly container: Container; readonly pod: PodSpec },
  objects: readonly CheckedManifest[],
  folder: string,
): Promise<string[]> {
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const map = pod.volumes?.find((volume) => volume.name === name)?.configMap?.name;
    if (map === undefined) continue;
    const data = objects.find(({ manifest }) => manifest.kind === 'ConfigMap' && manifest.metadata.name === map)
      ?.manifest.data;
    if (data === undefined) throw new Error(`there is no ConfigMap ${map}`);
    await mkdir(join(folder, mountPath), { recursive: true });
    for (const [file, text] of Object.entries(data)) await writeFile(join(folder, mountPath, file), text);
  }
  return (container.args ?? []).map((argument) => argument.replace('=/', `=${folder}/`));
}

/** Bytes of a quantity of storage, as `2Gi`. */
export function bytesOf(quantity: string): number {
  const [, amount, unit = ''] = /^(\d+)([KMGT]i)?$/.exec(quantity) ?? [];
  if (amount === undefined) throw new Error(`${quantity} is no amount of storage`);
  return Number(amount) * 1024 ** ['', 'Ki', 'Mi', 'Gi', 'Ti'].indexOf(unit);
}
