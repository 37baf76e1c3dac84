/**
 * Set-up of all e2e tests together: finds or builds the backends, says what it found and how long that took, and hands the tests the paths. Runs in
 * vitest's main process, before the first test, without a time limit. With `E2E=required` a missing backend fails the run.
 */
import type { TestProject } from 'vitest/node';
import { type BackendName, findBackends } from '../support/backends.ts';
import type { Binaries } from '../support/stack.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly binaries: Partial<Binaries>;
    /** Why some are missing, and how to have them. */
    readonly missingBackends: string;
  }
}

/** The name is vitest's. */
export async function setup(project: TestProject): Promise<void> {
  const tell = (line: string): void => console.log(`e2e: ${line}`);
  const binaries: Partial<Record<BackendName, string>> = {};
  const reasons: string[] = [];
  for (const [name, backend] of Object.entries(await findBackends({ tell }))) {
    if ('reason' in backend) {
      reasons.push(backend.reason);
      continue;
    }
    tell(`${name} ${backend.origin}: ${backend.file}`);
    binaries[name as BackendName] = backend.file;
  }
  project.provide('binaries', binaries);
  project.provide('missingBackends', reasons.join('; '));
}
