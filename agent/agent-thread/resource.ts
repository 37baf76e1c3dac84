/**
 * What the process is, for the resource of everything exported: found once, at the agent thread's start.
 *
 * Runs on the agent thread. It names neither arguments nor paths, owner or host id (TELEMETRY.md, "Resource"), and reads one file: the nearest
 * package.json above the program's main file, for the name of the service. A main file out of node_modules is a command (`next`, `nest`): the service is
 * that of the folder it is started in.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileUrl } from '../package-root.ts';
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
import type { ResourceAttributeName } from './telemetry/catalog.ts';

export type ProcessAttributes = { readonly [K in ResourceAttributeName]?: string | number };

/** Folders to look into, upwards from the main file's. */
const MAX_LEVELS = 16;

/** `service.name` here is a fallback: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES stand above it. */
export function describeProcess(mainFile: string | undefined): ProcessAttributes {
  return {
    'service.name': serviceName(mainFile),
    'process.pid': process.pid,
    'process.executable.name': 'node',
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    'process.runtime.description': 'Node.js',
  };
}

/** `service.instance.id`: a random UUID, the same one for every agent thread of the process. */
export function instanceId(memory: ControlMemory): string {
  const words = memory.u32.subarray(HEADER.INSTANCE_ID >> 2, (HEADER.INSTANCE_ID >> 2) + 4);
  if (words.every((word) => word === 0)) words.set(crypto.getRandomValues(new Uint32Array(4)));
  const hex = Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

/** The version of this package: agent/ and dist/ both stand beside package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(fileUrl('../package.json'), 'utf8')) as { version: string };
  return version;
}

function serviceName(mainFile: string | undefined): string {
  const isCommand = mainFile === undefined || /[\\/]node_modules[\\/]/.test(mainFile);
  let folder = isCommand ? process.cwd() : dirname(mainFile);
  for (let level = 0; level < MAX_LEVELS; level++) {
    const name = packageName(folder);
    if (name !== undefined) return name;
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  return 'unknown_service:node';
}

function packageName(folder: string): string | undefined {
  try {
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}
