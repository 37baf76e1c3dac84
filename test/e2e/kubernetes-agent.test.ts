/**
 * How the agent gets into a pod, by `collector-config/kubernetes/`: a program started with the environment that its container would have, and the package installed as
 * in the images. No container runs: what would be mounted lies in folders of the test's own.
 */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished, type TestContext } from 'vitest';
import { installBeside } from '../support/installed.ts';
import { type Container, checkManifests, containersOf, environmentOf, KUBERNETES } from '../support/manifests.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { startNode } from '../support/run-node.ts';
import { binariesFor } from './binaries.ts';

const execute = promisify(execFile);

/** Loading OpenTelemetry takes seconds on a machine that is busy with other things. */
const ARRIVAL_MAX_MS = 60_000;

const FIELDS = {
  'metadata.namespace': 'shop',
  'metadata.name': 'shop-5d7f-x2x4z',
  'metadata.uid': '0b6f3c1e-0f3f-4a5e-9d3c-0d1c2b3a4f5e',
  'spec.nodeName': 'node-7',
  "metadata.labels['app.kubernetes.io/name']": 'shop',
  "metadata.labels['app.kubernetes.io/version']": '1.0.0',
} as const;

/** What the agent says of such a pod. */
const RESOURCE = {
  'service.name': 'shop',
  'service.version': '1.0.0',
  'host.name': 'node-7',
  'k8s.node.name': 'node-7',
  'k8s.namespace.name': 'shop',
  'k8s.pod.name': 'shop-5d7f-x2x4z',
  'k8s.pod.uid': FIELDS['metadata.uid'],
  'k8s.deployment.name': 'shop',
  'k8s.container.name': 'shop',
  'telemetry.distro.name': 'gridwatch',
} as const;

/** Where the operator puts the contents of the image, and what it adds to NODE_OPTIONS. */
const OPERATOR_FOLDER = '/otel-auto-instrumentation-nodejs';
const OPERATOR_OPTIONS = ` --require ${OPERATOR_FOLDER}/autoinstrumentation.js`;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwatch-pod-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Skips where the package cannot be installed. */
async function installedModules({ skip }: TestContext): Promise<string> {
  const installed = await installBeside({});
  if ('reason' in installed) return skip(installed.reason);
  return join(installed.folder, 'node_modules');
}

/** The folder of a program with a worker, which both run until the program's input ends; the image of a service. */
async function createImage(): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(
    join(folder, 'main.js'),
    `const worker = new (require('node:worker_threads').Worker)(__dirname + '/worker.js');
     process.stdin.resume().on('end', () => worker.postMessage('end'));`,
  );
  await writeFile(join(folder, 'worker.js'), "require('node:worker_threads').parentPort.once('message', () => {});");
  return folder;
}

async function containersIn(
  context: TestContext,
  name: string,
): Promise<{ shop: Container; init: Container | undefined }> {
  const { manifests } = binariesFor(context);
  const containers = containersOf(await checkManifests(manifests, join(KUBERNETES, name))).map(
    ({ container }) => container,
  );
  const [shop, init] = containers;
  if (shop?.name !== 'shop') throw new Error('there is no container for the service');
  return { shop, init };
}

/** Runs the program until both of its threads have been told of, and expects that all that is said of it bears what Kubernetes knows of the pod. */
async function expectTelemetry(cwd: string, podEnv: Readonly<Record<string, string>>): Promise<void> {
  await using receiver = await OtlpReceiver.start();
  const env = {
    ...podEnv,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_METRIC_EXPORT_INTERVAL: '200',
    GRIDWATCH_LOG: 'text',
  };
  const running = startNode({ args: ['main.js'], cwd, env, isInputOpen: true, deadlineMs: 2 * ARRIVAL_MAX_MS });
  const hasThread = (name: string) => (): boolean =>
    receiver.point('gridwatch.thread.cpu.time', { 'thread.name': name }) !== undefined;
  await receiver.waitFor('the start of the worker', () => receiver.span('worker.start worker-1'), ARRIVAL_MAX_MS);
  await receiver.waitFor('the main thread', hasThread('main'), ARRIVAL_MAX_MS);
  await receiver.waitFor('the worker', hasThread('worker-1'), ARRIVAL_MAX_MS);
  running.endInput();
  const { exitCode, stderr } = await running.ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  for (const { resource } of [...receiver.spans, ...receiver.metrics]) expect(resource).toMatchObject(RESOURCE);
}

it('in the image: by the name of the package, from the folder that the program is started in', async (context) => {
  const { shop } = await containersIn(context, 'in-image');
  const modules = await installedModules(context);
  const image = await createImage();
  await symlink(modules, join(image, 'node_modules'));
  await expectTelemetry(image, environmentOf(shop, FIELDS));
});

it('by an init container, or by the operator: from a copy of what agent.Dockerfile has put together', async (context) => {
  const { shop, init } = await containersIn(context, 'init-container');
  const modules = await installedModules(context);
  const [agentImage, volume, image] = [await temporaryFolder(), await temporaryFolder(), await createImage()];
  await mkdir(join(agentImage, 'node_modules'));
  await cp(modules, join(agentImage, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  await copyFile(join(KUBERNETES, 'autoinstrumentation.js'), join(agentImage, 'autoinstrumentation.js'));

  const inTest = (text: string): string =>
    text.replace('/autoinstrumentation/.', `${agentImage}/.`).replace(/\/gridwatch(?=\/|$)/, volume);
  const [program = '', ...args] = (init?.command ?? []).map(inTest);
  expect(program).toBe('cp');
  await execute(program, args);
  const env = environmentOf(shop, FIELDS);
  await expectTelemetry(image, { ...env, NODE_OPTIONS: inTest(env['NODE_OPTIONS'] ?? '') });
  await expectTelemetry(image, { ...env, NODE_OPTIONS: OPERATOR_OPTIONS.replace(OPERATOR_FOLDER, volume) });
});
