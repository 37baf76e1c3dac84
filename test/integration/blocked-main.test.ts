/**
 * The agent works while the program's main thread does not: metrics arrive, Prometheus is answered, and a worker's death is
 * seen before its parent can hear of it. And an idle pool is what it is: parked, not busy.
 */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type ObservedProgram, observe, startObserved } from '../support/observe.ts';

const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));

/** Long enough for everything asked of the agent meanwhile. */
const BLOCKED_MS = 6000;

/** Whether the program has not gone on yet: what was seen before was seen while its main thread was blocked. */
class Output {
  #text = '';

  constructor({ running }: ObservedProgram) {
    running.child.stdout?.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
  }

  get isBlocked(): boolean {
    return this.#text.includes('blocked\n') && !this.#text.includes('released\n');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.each([
  ['parked', 'parked'],
  ['busy', 'running'],
])('while the main thread is %s', (way, state) => {
  const args = ['blocked.cjs', way, String(BLOCKED_MS)];

  it('metrics go on, and show its state and the death of a worker', async () => {
    const env = { OTEL_METRIC_EXPORT_INTERVAL: '200', GRIDWATCH_IDENTITY_WAIT_MS: '0' };
    await using program = await startObserved({ args, cwd: APPS, env });
    const output = new Output(program);
    await program.running.waitForOutput('blocked\n');
    const { observed } = program;

    await eventually(
      'the death of the worker',
      () => observed.sum('gridwatch.thread.exits', { 'error.type': undefined }) === 1,
    );
    const before = observed.states('main');
    await eventually('a second in this state', () => (observed.states('main')[state] ?? 0) > (before[state] ?? 0) + 1);
    expect(observed.sum('gridwatch.thread.count', { 'gridwatch.thread.role': 'worker' })).toBe(1);
    expect(output.isBlocked).toBe(true);

    expect(await program.running.ended).toMatchObject({ exitCode: 0, stdout: 'blocked\nreleased\n', stderr: '' });
  });

  it('Prometheus is answered', async () => {
    const port = await freePort();
    const env = {
      OTEL_METRICS_EXPORTER: 'prometheus',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      GRIDWATCH_IDENTITY_WAIT_MS: '0',
    };
    await using program = await startObserved({ args, cwd: APPS, env });
    const output = new Output(program);
    await program.running.waitForOutput('blocked\n');

    const page = await eventually(
      'an answer with the dead worker in it',
      async () => {
        const response = await fetch(`http://127.0.0.1:${port}/metrics`);
        const text = await response.text();
        return /^gridwatch_thread_exits_total\{(?!.*error_type).*\} 1$/m.test(text) && text;
      },
      { deadlineMs: BLOCKED_MS },
    );
    expect(output.isBlocked).toBe(true);
    expect(page).toMatch(/^gridwatch_thread_state_time_seconds_total\{.*thread_name="main".*\} /m);

    expect(await program.running.ended).toMatchObject({ exitCode: 0, stdout: 'blocked\nreleased\n', stderr: '' });
  });
});

describe('an idle piscina pool', () => {
  it('is parked, and neither runs nor waits for a lock', async () => {
    const { result, observed } = await observe({ args: ['idle-pool.cjs'], cwd: APPS });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const names = observed.startedThreads();
    expect(names).toHaveLength(2);
    for (const name of names) {
      const {
        parked = 0,
        running = 0,
        waiting_lock: waitingLock = 0,
        waiting_queue: waitingQueue = 0,
      } = observed.states(name);
      expect(parked).toBeGreaterThan(1.9);
      expect(running).toBeLessThan(0.3);
      expect({ waitingLock, waitingQueue }).toEqual({ waitingLock: 0, waitingQueue: 0 });
    }
    // Nobody is told of anything: an idle pool is no incident.
    expect(observed.logs).toEqual([]);
    expect(observed.spans.filter(({ name }) => !name.startsWith('worker.start '))).toEqual([]);
  });
});
