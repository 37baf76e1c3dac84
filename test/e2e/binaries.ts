/**
 * The binaries that `prepare.ts` has found, for one test. Runs in a test's own process. Where one is missing the test is skipped with the reason, and
 * how to have it; `E2E=required` never gets here.
 */
import { inject, type TestContext } from 'vitest';
import type { Binaries } from '../support/stack.ts';

export function binariesFor({ skip }: Pick<TestContext, 'skip'>): Binaries {
  const reason = inject('missingBackends');
  if (reason !== '') skip(reason);
  return inject('binaries') as Binaries;
}
