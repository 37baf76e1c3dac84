/**
 * The one resource of everything the process exports. Runs on the agent thread. Precedence, from the weakest: the SDK's defaults, host and operating
 * system, its hardware, what the agent found out about the process, OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME, the resource of the application's own SDK, in
 * which these two are merged already; the distribution's name stands above all. It must never spawn a process, wait for anything, or reveal command
 * lines, paths, owners or host ids that were not asked for.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, hostname } from 'node:os';
import type { Resource } from '@opentelemetry/resources';
import type { ResourceAttributeName } from './catalog.ts';

type ResourceValue = string | number | boolean;
export type ResourceAttributes = Readonly<Record<string, ResourceValue | readonly ResourceValue[]>>;

/** The part of `@opentelemetry/resources` used here. */
export interface ResourceTools {
  defaultResource(): Resource;
  resourceFromAttributes(attributes: Record<string, unknown>): Resource;
  readonly envDetector: { detect(): { readonly attributes?: Record<string, unknown> } };
  readonly osDetector: { detect(): { readonly attributes?: Record<string, unknown> } };
}

/** Names that OpenTelemetry has for what Node calls otherwise. */
const HOST_ARCH: Readonly<Record<string, string>> = { arm: 'arm32', ppc: 'ppc32', x64: 'amd64' };

/** What the agent itself adds, by the names of the catalog. */
type OwnAttributes = { readonly [K in ResourceAttributeName]?: string };

/** What stands above all in the resource: who made the data. */
function distribution(version: string): OwnAttributes {
  return { 'telemetry.distro.name': 'gridwatch', 'telemetry.distro.version': version };
}

export function createResource(
  tools: ResourceTools,
  processAttributes: ResourceAttributes,
  env: NodeJS.ProcessEnv,
  version: string,
  applicationResource: ResourceAttributes = {},
  hardwareAttributes: ResourceAttributes = {},
): Resource {
  const detectors = (env['OTEL_NODE_RESOURCE_DETECTORS'] ?? '').split(',').map((name) => name.trim());
  const isAsked = (name: string): boolean => detectors.includes(name) || detectors.includes('all');
  const isDefault = detectors.every((name) => name === '');
  const own: OwnAttributes = {
    'service.instance.id': randomUUID(),
    ...(isDefault || isAsked('host') ? { 'host.name': hostname(), 'host.arch': HOST_ARCH[arch()] ?? arch() } : {}),
    ...(isDefault || isAsked('host') ? hardwareAttributes : {}),
    ...(isAsked('host') ? hostId() : {}),
  };
  return tools.defaultResource().merge(
    tools.resourceFromAttributes({
      ...own,
      ...(isDefault || isAsked('os') ? tools.osDetector.detect().attributes : {}),
      ...(isDefault || isAsked('process') ? processAttributes : withoutProcess(processAttributes)),
      ...tools.envDetector.detect().attributes,
      ...applicationResource,
      ...distribution(version),
    }),
  );
}

/** The name of the service and of the instance stay: without them nobody could tell whose telemetry it is. */
function withoutProcess(attributes: ResourceAttributes): ResourceAttributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith('process.')));
}

/** The resource while it is not known yet who the process is: the SDK's exporters wait for it as they do for a detector that takes its time. */
export class LateResource implements Resource {
  #resource: Resource;
  #isPending = true;
  readonly #settled: Promise<void>;

  constructor(early: Resource, settled: Promise<Resource>) {
    this.#resource = early;
    this.#settled = settled.then((resource) => {
      this.#resource = resource;
      this.#isPending = false;
    });
  }

  get asyncAttributesPending(): boolean {
    return this.#isPending;
  }

  get attributes(): Resource['attributes'] {
    return this.#resource.attributes;
  }

  async waitForAsyncAttributes(): Promise<void> {
    await this.#settled;
  }

  merge(other: Resource | null): Resource {
    return this.#resource.merge(other);
  }

  getRawAttributes(): ReturnType<Resource['getRawAttributes']> {
    return this.#resource.getRawAttributes();
  }
}

/** What is used of a provider, the SDK's own fields: a tracer provider has its resource itself. */
export interface ResourceOwner {
  readonly _resource?: FileResource;
  readonly _sharedState?: { readonly resource?: FileResource };
}

interface FileResource {
  readonly _rawAttributes?: unknown[];
  _memoizedAttributes?: unknown;
}

/**
 * With a configuration file the SDK takes no resource from code, so that of its providers is added to once they are there, before they export: of a
 * name that stands there twice the first one counts.
 */
export function addToResource(
  providers: readonly ResourceOwner[],
  version: string,
  applicationResource: ResourceAttributes = {},
): void {
  const added = Object.entries({ ...applicationResource, ...distribution(version) });
  for (const resource of new Set(providers.map((provider) => provider._resource ?? provider._sharedState?.resource))) {
    if (!Array.isArray(resource?._rawAttributes)) continue;
    resource._rawAttributes.unshift(...added);
    resource._memoizedAttributes = undefined;
  }
}

/** Only where it is a file: elsewhere a command would have to be run. */
function hostId(): OwnAttributes {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      return { 'host.id': readFileSync(file, 'utf8').trim() };
    } catch {
      continue;
    }
  }
  return {};
}
