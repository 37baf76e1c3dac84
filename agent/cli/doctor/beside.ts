/**
 * What the program in this folder brings along that also tells of threads, memory and spans: its packages of OpenTelemetry. Part of `gridwatch doctor`,
 * in its process; it reads manifests and loads nothing. Whether the program uses a package cannot be seen here, so nothing in this section is a problem.
 */
import { relative } from 'node:path';
import type { Check } from '../doctor.ts';
import { listOf } from '../ui/reroute.ts';
import { findCopies, findPackage } from './packages.ts';

const API = '@opentelemetry/api';
const MAX_SHOWN = 4;

/** What sends the same metrics as the agent, under a scope of its own: a query that adds up counts them twice. */
const DUPLICATES = [
  {
    packages: ['@opentelemetry/instrumentation-runtime-node', '@opentelemetry/auto-instrumentations-node'],
    metrics: 'v8js.* and nodejs.eventloop.* of the main thread',
    instrumentation: 'runtime-node',
    remedy:
      'OTEL_NODE_DISABLED_INSTRUMENTATIONS=runtime-node leaves them to the agent, GRIDWATCH_FEATURES=-gc,-eventloop,-heap to the package.',
  },
  {
    packages: ['@opentelemetry/host-metrics'],
    metrics: 'system.cpu.* and process.*',
    instrumentation: 'host-metrics',
    remedy: 'Do not start it, or leave them to it: GRIDWATCH_FEATURES=-cpu.',
  },
] as const;

export function checkBeside(env: NodeJS.ProcessEnv, folder: string = process.cwd()): Check[] {
  return [...checkDuplicates(env, folder), ...checkApi(folder)];
}

function checkDuplicates(env: NodeJS.ProcessEnv, folder: string): Check[] {
  const disabled = listOf(env['OTEL_NODE_DISABLED_INSTRUMENTATIONS']);
  const enabled = listOf(env['OTEL_NODE_ENABLED_INSTRUMENTATIONS']);
  const checks: Check[] = [];
  for (const { packages, metrics, instrumentation, remedy } of DUPLICATES) {
    const isOff = disabled.includes(instrumentation) || (enabled.length > 0 && !enabled.includes(instrumentation));
    const installed = packages.find((name) => findPackage(name, folder) !== undefined);
    if (installed === undefined || isOff) continue;
    const found = `${installed} is installed here: where the program starts it, ${metrics} are sent twice, by it and by the agent.`;
    checks.push({ level: 'note', found, remedy });
  }
  return checks;
}

function checkApi(folder: string): Check[] {
  /* The agent's own copy is its own business: it finds the program's SDK through what every copy shares. */
  const copies = findCopies(API, folder).filter((copy) => !/[\\/]node_modules[\\/]gridwatch[\\/]/.test(copy.folder));
  const versions = new Set(copies.map(({ version }) => version));
  if (versions.size === 0) {
    return [{ level: 'ok', found: 'The program in this folder has no OpenTelemetry of its own.', remedy: '' }];
  }
  if (versions.size === 1) {
    return [
      { level: 'ok', found: `The program in this folder has one version of ${API}: ${[...versions][0]}.`, remedy: '' },
    ];
  }
  const shown = copies.slice(0, MAX_SHOWN).map((copy) => `${copy.version} in ${relative(folder, copy.folder)}`);
  const more = copies.length > MAX_SHOWN ? ', ...' : '';
  return [
    {
      level: 'note',
      found: `The program in this folder has ${versions.size} versions of ${API} (${shown.join(', ')}${more}): one that is newer than the one that registers the SDK sees no spans.`,
      remedy: `Have one: npm dedupe, or "overrides": { "${API}": "..." } in package.json.`,
    },
  ];
}
