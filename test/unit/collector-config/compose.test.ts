/**
 * `docker-compose.yaml` and what it hands to Grafana, as far as that can be seen without an engine: that files, addresses and folders which one of them names
 * are there in the others. Reads files.
 */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const CONFIG = new URL('../../../collector-config/', import.meta.url);
const read = (file: string): unknown => parse(readFileSync(new URL(file, CONFIG), 'utf8'));

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const { services, volumes } = read('docker-compose.yaml') as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
};
const all = Object.entries(services);
const { grafana } = services;

/** What is mounted, by its place in the container. */
const mounted = ({ volumes: mounts = [] }: Service = {}): ReadonlyMap<string, string> =>
  new Map(mounts.map((mount) => mount.split(':')).map(([from = '', to = '']) => [to, from]));

it('each image is one version, and each port is open to this machine only', () => {
  for (const [name, { image, build, ports = [] }] of all) {
    expect([name, image ?? build?.dockerfile]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+\.\d+$|Dockerfile$/)]);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  }
});

it('what is mounted or built is there', () => {
  for (const service of Object.values(services)) {
    for (const from of mounted(service).values()) {
      if (from.startsWith('.')) expect(existsSync(new URL(from, CONFIG))).toBe(true);
      else expect(Object.keys(volumes)).toContain(from);
    }
    const { build } = service;
    if (build === undefined) continue;
    const context = new URL(`${build.context}/`, CONFIG);
    const steps = readFileSync(new URL(build.dockerfile, context), 'utf8');
    const copied = Array.from(steps.matchAll(/^COPY (.*) \S+$/gm), ([, from = '']) => from.split(' ')).flat();
    expect(copied).toContain('agent');
    expect(copied.filter((file) => !existsSync(new URL(file, context)))).toEqual([]);
    expect(steps).toMatch(/^FROM node:\d+\.\d+\.\d+-slim$/m);
  }
});

it('what is built takes no packages of this machine into the image', () => {
  const ignored = readFileSync(new URL('../.dockerignore', CONFIG), 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', '.git']));
});

it('what is mounted may be read where SELinux asks, too', () => {
  const fromHere = all.flatMap(([, { volumes: mounts = [] }]) => mounts).filter((mount) => mount.startsWith('.'));
  expect(fromHere.length).toBeGreaterThan(0);
  expect(fromHere.filter((mount) => !mount.endsWith(':ro,z'))).toEqual([]);
});

it('whatever sends notifications calls itself by an address that their reader reaches', () => {
  const { global } = read('prometheus.yml') as { readonly global: { readonly external_labels: object } };
  for (const name of ['prometheus', 'alertmanager']) {
    const { command = [], ports = [] } = services[name] ?? {};
    const [, url = ''] =
      /^--web\.external-url=(.*)$/.exec(command.find((each) => each.includes('external-url')) ?? '') ?? [];
    expect(ports).toEqual([`127.0.0.1:${new URL(url).port}:${new URL(url).port}`]);
    if (name === 'prometheus') expect(global.external_labels).toMatchObject({ gridwatch_runbooks: `${url}/consoles` });
  }
});

it('what has to be healthy first has a health check', () => {
  for (const { depends_on: needed = {} } of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(needed)) {
      expect(services[name]?.healthcheck !== undefined).toBe(condition === 'service_healthy');
    }
  }
});

it('Grafana asks Prometheus and Jaeger where they are, as often as there is something new', () => {
  const { datasources } = read('grafana/datasources.yaml') as {
    readonly datasources: readonly {
      readonly uid: string;
      readonly type: string;
      readonly url: string;
      readonly jsonData?: { readonly timeInterval: string };
    }[];
  };
  expect(datasources.map(({ uid, type }) => [uid, type])).toEqual([
    ['prometheus', 'prometheus'],
    ['jaeger', 'jaeger'],
  ]);
  for (const { url, jsonData } of datasources) {
    const { hostname, port } = new URL(url);
    expect(services[hostname]?.ports).toContain(`127.0.0.1:${port}:${port}`);
    const { global } = read('prometheus.yml') as { readonly global: { readonly scrape_interval: string } };
    if (jsonData !== undefined) expect(jsonData.timeInterval).toBe(global.scrape_interval);
  }
});

it('Grafana finds the dashboards, shows them to whoever may look, and lets nobody change them', () => {
  const { providers } = read('grafana/dashboards.yaml') as {
    readonly providers: readonly { readonly allowUiUpdates: boolean; readonly options: { readonly path: string } }[];
  };
  expect(providers).toEqual([expect.objectContaining({ allowUiUpdates: false })]);
  const folder = providers[0]?.options.path ?? '';
  expect(mounted(grafana).get(folder)).toBe('./dashboards');
  expect(grafana?.environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: `${folder}/overview.json`,
  });
});
