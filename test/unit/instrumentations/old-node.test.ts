/** On a Node that cannot follow packages an instrumentation measures nothing, says so, and throws nothing into the program. */
import module from 'node:module';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, expect, it, vi } from 'vitest';
import { FastqInstrumentation } from '../../../agent/instrumentations.ts';

afterEach(() => {
  diag.disable();
  vi.restoreAllMocks();
});

it('is made, and warns', () => {
  vi.spyOn(module, 'registerHooks').mockImplementation(() => {
    throw new Error('no hooks here');
  });
  const warnings: unknown[] = [];
  const quiet = (): void => {};
  const warn = (...args: unknown[]): unknown => warnings.push(args.slice(1));
  diag.setLogger({ error: quiet, warn, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  new FastqInstrumentation().disable();
  expect(warnings).toEqual([['fastq is not followed', new Error('no hooks here')]]);
});
