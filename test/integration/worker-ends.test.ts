/** How the workers of a real process ended, as the collector is told of it. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Observed, observe } from '../support/observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/sources/ends.cjs', import.meta.url));

function exits(observed: Observed, error: string | undefined): number | undefined {
  return observed.sum('gridwatch.thread.exits', { 'error.type': error });
}

function failure(observed: Observed, name: string): Readonly<Record<string, unknown>> | undefined {
  const log = observed.logs.find(
    ({ eventName, attributes }) => eventName === 'gridwatch.thread.failed' && attributes['thread.name'] === name,
  );
  return log && { ...log.attributes, body: log.body };
}

describe('the ends of workers', () => {
  it('are told apart, with the exit codes their parents see', async () => {
    const { result, observed } = await observe({ args: [SUBJECT], env: { GRIDWATCH_LOG: 'off' }, deadlineMs: 60_000 });
    expect(result.stderr).toBe('');
    const codes = JSON.parse(result.stdout) as Record<string, number>;
    expect(codes).toEqual({ clean: 0, code: 7, uncaught: 1, full: 1, terminated: 1, parent: 1 });

    expect(exits(observed, 'exit_code')).toBe(1);
    expect(exits(observed, 'uncaught')).toBe(1);
    expect(exits(observed, 'out_of_memory')).toBe(1);
    // One that was terminated, one that was with a worker of its own, and that one.
    expect(exits(observed, 'terminated')).toBe(3);

    expect(failure(observed, 'code')).toMatchObject({ 'error.type': 'exit_code', 'gridwatch.thread.exit_code': 7 });
    expect(failure(observed, 'uncaught')).toMatchObject({ 'error.type': 'uncaught', 'gridwatch.thread.exit_code': 1 });
    const full = failure(observed, 'full');
    expect(full).toMatchObject({ 'error.type': 'out_of_memory', body: 'worker full failed: its heap was full' });
    expect(full).not.toHaveProperty('gridwatch.thread.exit_code');
    for (const name of ['clean', 'terminated', 'parent', 'child']) expect(failure(observed, name)).toBeUndefined();
  });

  it('are known while the parent is blocked', async () => {
    const { result, observed } = await observe({
      args: [SUBJECT, 'blocked'],
      env: { GRIDWATCH_LOG: 'off' },
      deadlineMs: 60_000,
    });
    expect(result.exitCode).toBe(0);
    expect(exits(observed, 'out_of_memory')).toBe(1);
    expect(exits(observed, 'terminated')).toBe(3);
  });
});
