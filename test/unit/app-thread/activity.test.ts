/** Activities: each callback is its own, with all that it begins; where scopes are dear there are none. */
import { afterEach, describe, expect, it } from 'vitest';
import { Activities } from '../../../agent/app-thread/activity.ts';
import type { GridwatchOptions } from '../../../agent/config/options.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';
import { managerWith, register, unregister } from './fake-api.ts';

function make(options: GridwatchOptions = {}, hasFrames = true): Activities {
  return new Activities(resolveConfig({}, options).config, hasFrames);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

afterEach(unregister);

describe('Activities', () => {
  it('follows what an activity begins, and nothing else', async () => {
    const activities = make();
    const seen: Record<string, number> = {};
    const inner = async (name: string): Promise<void> => {
      await turn();
      seen[name] = activities.current;
    };
    await Promise.all([
      activities.run(7, () => inner('first')),
      activities.run(8, () => inner('second')),
      inner('none'),
    ]);
    expect(seen).toEqual({ first: 7, second: 8, none: 0 });
    expect(activities.current).toBe(0);
  });

  it('comes back to the outer activity', () => {
    const activities = make();
    activities.run(1, () => {
      activities.run(2, () => expect(activities.current).toBe(2));
      expect(activities.current).toBe(1);
    });
  });

  it('enters an activity for the rest of a microtask only', async () => {
    const activities = make();
    let after = -1;
    const entered = Promise.resolve().then(async () => {
      activities.enter({ activity: 5 });
      await turn();
      return activities.current;
    });
    await Promise.resolve().then(() => (after = activities.current));
    expect(await entered).toBe(5);
    expect(after).toBe(0);
  });

  it('has no number twice', () => {
    const activities = make();
    const numbers = Array.from({ length: 100 }, () => activities.next());
    expect(new Set(numbers).size).toBe(100);
    expect(Math.min(...numbers)).toBeGreaterThan(0);
  });

  it('leaves scopes alone where they are dear, until a context manager has them running', () => {
    const activities = make({}, false);
    expect(activities.isOn).toBe(false);
    expect(activities.run(3, () => activities.current)).toBe(0);
    register({ context: managerWith(undefined) });
    expect(activities.isOn).toBe(true);
    expect(activities.run(3, () => activities.current)).toBe(3);
  });

  it.each([
    ['on', true],
    ['off', false],
  ] as const)('does as it is told where they are dear: %s', (context, isOn) => {
    const activities = make({ context }, false);
    if (context === 'off') register({ context: managerWith(undefined) });
    expect(activities.isOn).toBe(isOn);
  });
});
