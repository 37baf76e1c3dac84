/** The examples of locks, run as their head comments say, and what they show: on the terminal, and at a collector. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { observe } from '../support/observe.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}/main.js`, import.meta.url));

describe('examples/deadlock', () => {
  it('names the cycle, and ends when one of the three gets an error', async () => {
    const env = { GRIDWATCH_DEADLOCK_ACTION: 'abort' };
    const { result, observed } = await observe({ args: [example('deadlock')], env });
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toMatch(/^gridwatch: deadlock: .* wait for one another and cannot go on$/m);
    for (const [thread, held, wanted, holder] of [
      ['main', 'anna', 'ben', 'worker-1'],
      ['worker-1', 'ben', 'carla', 'worker-2'],
      ['worker-2', 'carla', 'anna', 'main'],
    ]) {
      const sentence = `${thread} holds "account ${held}" and waits for "account ${wanted}" (mutex) at examples/deadlock/main.js:`;
      expect(result.stderr.split('\n')).toContainEqual(expect.stringContaining(sentence));
      const line = result.stderr.split('\n').find((one) => one.includes(sentence));
      expect(line).toMatch(new RegExp(`, held by ${holder}$`));
    }
    expect(result.stderr).toContain('ERR_GRIDWATCH_DEADLOCK');
    const balances = result.stdout.match(/\d+/g)?.map(Number) ?? [];
    expect(balances.reduce((sum, balance) => sum + balance, 0)).toBe(300);
    expect(observed.sum('gridwatch.deadlocks')).toBe(1);
  });
});

describe('examples/lock-order-inversion', () => {
  it('never hangs, and shows both orders with their places', async () => {
    const { result, observed } = await observe({ args: [example('lock-order-inversion')] });
    expect(result).toMatchObject({ exitCode: 0, stdout: '7 pieces in stock, 3 ordered\n' });
    expect(result.stderr.trim().split('\n')).toEqual([
      'gridwatch: lock order inversion: a deadlock is possible, though none has been',
      expect.stringMatching(
        /^gridwatch: {3}worker-1 held "stock" and took "orders" at examples\/lock-order-inversion\/main\.js:\d+:\d+$/,
      ),
      expect.stringMatching(
        /^gridwatch: {3}main held "orders" and took "stock" at examples\/lock-order-inversion\/main\.js:\d+:\d+$/,
      ),
    ]);
    expect(observed.sum('gridwatch.lock.order.inversions')).toBe(1);
    expect(observed.sum('gridwatch.deadlocks')).toBe(0);
    const span = observed.spans.find(({ name }) => name === 'lock.order.inversion');
    expect(span?.events.map(({ attributes }) => attributes['code.stacktrace'])).toEqual([
      expect.stringContaining('at restock (examples/lock-order-inversion/main.js'),
      expect.stringContaining('at order (examples/lock-order-inversion/main.js'),
    ]);
    expect(observed.logs.map(({ eventName }) => eventName)).toEqual(['gridwatch.lock.order.inversion']);
  });
});
