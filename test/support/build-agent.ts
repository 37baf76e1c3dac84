/**
 * The agent as it ships: the gate in `dist/`, built from the sources as they are now. Runs in a test's own process. When
 * sources and build agree, the build script says so and does nothing.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../agent/build.mjs', import.meta.url));

/** Gives back the absolute path of the built `register.cjs`; rejects with the compiler's own words. */
export async function buildAgent(): Promise<string> {
  await promisify(execFile)(process.execPath, [SCRIPT]);
  return fileURLToPath(new URL('../../dist/register.cjs', import.meta.url));
}
