/**
 * What the environment says: Gridwatch's own variables, those of OpenTelemetry that switch everything off, and the way the
 * agent gets into a program. Part of `gridwatch doctor`, in its process; a setting given to `start()` cannot be seen here.
 */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { resolveConfig } from '../../config/resolve.ts';
import type { Check } from '../doctor.ts';
import { registerFile } from '../path.ts';

export function checkConfiguration(env: NodeJS.ProcessEnv): Check[] {
  const { config, problems } = resolveConfig(env);
  const checks: Check[] = problems.map(({ message }) => ({ level: 'problem', found: message, remedy: '' }));
  if (problems.length === 0)
    checks.push({ level: 'ok', found: 'All GRIDWATCH_ variables can be understood.', remedy: '' });
  if (!config.enabled)
    checks.push(switchedOff('GRIDWATCH_ENABLED is false: nothing is observed.', 'GRIDWATCH_ENABLED'));
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') {
    checks.push(
      switchedOff('OTEL_SDK_DISABLED is true: nothing is observed, and nothing is exported.', 'OTEL_SDK_DISABLED'),
    );
  }
  return [...checks, ...checkNodeOptions(env['NODE_OPTIONS'] ?? '')];
}

function switchedOff(found: string, variable: string): Check {
  return { level: 'note', found, remedy: `Unset ${variable} to observe programs.` };
}

/** The preloads in NODE_OPTIONS that are this agent's. */
function checkNodeOptions(nodeOptions: string): Check[] {
  return preloadsOf(nodeOptions)
    .filter((preload) => preload.includes('gridwatch'))
    .map((preload) => {
      const inNodeOptions = `NODE_OPTIONS preloads ${preload}`;
      const remedy = `Write the absolute path: NODE_OPTIONS="--require ${registerFile()}"`;
      if (!isAbsolute(preload)) {
        const found = `${inNodeOptions}, which is found from some folders only: in every other folder npm, and any Node, ends at once.`;
        return { level: 'problem', found, remedy };
      }
      if (!existsSync(preload))
        return { level: 'problem', found: `${inNodeOptions}, which does not exist: no Node starts.`, remedy };
      return { level: 'ok', found: `${inNodeOptions}: every Node started from here is observed.`, remedy: '' };
    });
}

/** The values of `--require`, `-r` and `--import`, by Node's own rules of quoting. */
export function preloadsOf(nodeOptions: string): string[] {
  const words = nodeOptions.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
  const plain = words.map((word) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"/g, (_, quoted: string) => quoted.replaceAll(/\\(.)/g, '$1')),
  );
  const preloads: string[] = [];
  for (const [at, word] of plain.entries()) {
    const match = /^(?:-r|--require|--import)(?:=(.*))?$/s.exec(word);
    const preload = match === null ? undefined : (match[1] ?? plain[at + 1]);
    if (preload !== undefined) preloads.push(preload);
  }
  return preloads;
}
