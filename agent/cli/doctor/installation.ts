/**
 * Whether the package is whole: its gate is there, and the OpenTelemetry packages it loads are those it was tested with,
 * each of them once. Two versions side by side do not know each other's objects. Part of `gridwatch doctor`, in its process.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Check } from '../doctor.ts';
import { registerFile } from '../path.ts';
import { counted } from '../ui/quantities.ts';
import { findPackage, readManifest } from './packages.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const REINSTALL =
  'Install it again: npm install gridwatch. If another package forces a version (overrides), take gridwatch out of that.';

export function checkInstallation(root: string = ROOT, gate: string = registerFile()): Check[] {
  const checks: Check[] = [];
  if (!existsSync(gate)) checks.push({ level: 'problem', found: `${gate} is missing.`, remedy: REINSTALL });
  const wanted = Object.entries(readManifest(root)?.dependencies ?? {}).filter(([name]) => isOpenTelemetry(name));
  const foldersOf = new Map<string, Set<string>>();
  for (const [name, version] of wanted) {
    const folder = visit(name, root, foldersOf);
    const installed = folder === undefined ? undefined : readManifest(folder)?.version;
    if (installed === version) continue;
    const found = `${name} ${version} is needed, and ${installed === undefined ? 'is not there' : `${installed} is installed`}.`;
    checks.push({ level: 'problem', found, remedy: REINSTALL });
  }
  for (const [name, folders] of foldersOf) {
    if (folders.size === 1) continue;
    const found = `${name} is installed ${folders.size} times: ${[...folders].join(', ')}.`;
    checks.push({ level: 'problem', found, remedy: 'Run npm dedupe, or install gridwatch again.' });
  }
  if (checks.length > 0) return checks;
  return [
    {
      level: 'ok',
      found: `OpenTelemetry is installed as tested: ${counted(foldersOf.size, 'package')}, each once.`,
      remedy: '',
    },
  ];
}

/** Notes where a package and the OpenTelemetry packages below it are. Returns the folder of the package itself. */
function visit(name: string, from: string, foldersOf: Map<string, Set<string>>): string | undefined {
  const folder = findPackage(name, from);
  if (folder === undefined) return undefined;
  const folders = foldersOf.get(name) ?? new Set();
  foldersOf.set(name, folders);
  if (folders.has(folder)) return folder;
  folders.add(folder);
  const below = Object.keys(readManifest(folder)?.dependencies ?? {}).filter(isOpenTelemetry);
  for (const dependency of below) visit(dependency, folder, foldersOf);
  return folder;
}

function isOpenTelemetry(name: string): boolean {
  return name.startsWith('@opentelemetry/');
}
