/** The example of a bounded queue, run as its head comment says, and what a collector sees: whose turn it is to wait. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { observe } from '../support/observe.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/bounded-queue/main.js', import.meta.url));
const SECONDS = 3;

describe('examples/bounded-queue', () => {
  it.each([
    { what: 'the finder waits for room where the hashers are slow', workMs: '5', waiting: 'finder', busy: 'hasher-1' },
    { what: 'the hashers wait for items where they are fast', workMs: '0', waiting: 'hasher-1', busy: 'finder' },
  ])('$what', async ({ workMs, waiting, busy }) => {
    const env = { QUEUE_SECONDS: String(SECONDS), QUEUE_WORK_MS: workMs, GRIDWATCH_EXIT_TIMEOUT_MS: '10000' };
    const { result, observed } = await observe({ args: [EXAMPLE], env });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const [found, ...hashed] = [...result.stdout.matchAll(/\d+(?= (?:documents|and|hashed))/g)].map(Number);
    expect(hashed.reduce((sum, count) => sum + count, 0)).toBe(found);
    const queued = (thread: string): number => observed.states(thread)['waiting_queue'] ?? 0;
    expect(queued(waiting)).toBeGreaterThan(0);
    /* With work in between there is no doubt who has to wait; without, it depends on the machine how much. */
    if (workMs === '5') expect(queued(waiting)).toBeGreaterThan(Math.max(SECONDS / 2, queued(busy)));
    /* Each document is counted as it comes and as it goes, and its way through the queue measured. */
    const queue = { 'gridwatch.queue.name': 'documents', 'gridwatch.queue.kind': 'channel' };
    expect(observed.sum('gridwatch.queue.arrivals', queue)).toBe(found);
    expect(observed.sum('gridwatch.queue.completions', queue)).toBe(found);
    /* Of the waits a sample is measured that stands for all of them, but for a row of 16 at each of the two hashers. */
    expect(Math.abs(observed.count('gridwatch.queue.wait.duration', queue) - (found ?? 0))).toBeLessThan(2 * 16);
    expect(observed.sum('gridwatch.queue.capacity', queue)).toBe(16);
    expect(observed.sum('gridwatch.queue.size', queue)).toBe(0);
    const waitS = observed.series('gridwatch.queue.wait.duration', queue)[0]?.histogram?.sum ?? 0;
    if (workMs === '5') expect(waitS / (found ?? 1)).toBeGreaterThan(0.01);
    /* It is a queue: nobody waits for a lock, and no lock is told of. */
    expect(observed.states(waiting)['waiting_lock'] ?? 0).toBe(0);
    expect(observed.series('gridwatch.lock.acquisitions', { 'gridwatch.lock.name': 'documents' })).toEqual([]);
    expect(observed.logs.filter(({ eventName }) => eventName === 'gridwatch.deadlock')).toEqual([]);
  });
});
