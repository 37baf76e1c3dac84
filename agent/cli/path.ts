/**
 * Where the package's files are: the gate that programs preload, and the manifest. Runs in the process of the command
 * `gridwatch`; the agent itself never loads it. The folder above this one holds the gate both among the sources and in the package.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The absolute path of the gate. A bare package name in NODE_OPTIONS would break every Node started in another folder. */
export function registerFile(): string {
  return fileURLToPath(new URL('../register.cjs', import.meta.url));
}

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((manifest as { readonly version: unknown }).version);
}

/** `gridwatch path`: the path on stdout, and nothing else there. Returns the exit code. */
export function printPath(file: string = registerFile()): number {
  if (!existsSync(file)) {
    process.stderr.write(`gridwatch path: ${file} is missing. Reinstall the package gridwatch.\n`);
    return 1;
  }
  process.stdout.write(`${file}\n`);
  if (/[\s"\\]/.test(file)) {
    const quoted = `"${file.replaceAll(/["\\]/g, '\\$&')}"`;
    process.stderr.write(`gridwatch path: the path needs quotes in NODE_OPTIONS: --require ${quoted}\n`);
  }
  return 0;
}
