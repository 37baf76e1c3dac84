/** Pools of connections and libuv's thread pool under the built agent: the program sees what it sees without, and what leaves is what it knows. */
import { describe, expect, it } from 'vitest';
import type { OtlpAttributes } from '../../agent/cli/otlp-decode.ts';
import { eventually } from '../support/eventually.ts';
import type { Observed } from '../support/observe.ts';
import { BUILT_REGISTER_FILE, observe, startObserved } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();
const APPS = 'test/fixtures/apps';
const SILENT = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
  GRIDWATCH_EXIT_TIMEOUT_MS: '0',
  GRIDWATCH_LOG: 'off',
};
/** How long the program holds each connection. */
const HOLD_S = 0.04;

function nameIn(attributes: OtlpAttributes, key: string): string {
  const name = attributes[key];
  return typeof name === 'string' ? name : '';
}

/** What was told of the queues of a library: the names without their places, and sums over them. */
function toldOf(observed: Observed, library: string): Record<string, number> {
  const series = (name: string): ReturnType<Observed['series']> =>
    observed
      .series(name)
      .filter(({ attributes }) => nameIn(attributes, 'gridwatch.queue.name').split('@')[0] === library);
  const sum = (name: string): number => series(name).reduce((total, { value }) => total + value, 0);
  const count = (name: string): number =>
    series(name).reduce((total, { histogram }) => total + (histogram?.count ?? 0), 0);
  return {
    arrivals: sum('gridwatch.queue.arrivals'),
    completions: sum('gridwatch.queue.completions'),
    rejections: sum('gridwatch.queue.rejections'),
    aborts: sum('gridwatch.queue.aborts'),
    size: sum('gridwatch.queue.size'),
    waits: count('gridwatch.queue.wait.duration'),
    services: count('gridwatch.queue.service.duration'),
  };
}

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  it.each([[['connections.cjs']], [['connections.mjs']], [['connections.cjs', 'worker']]])(
    '%j: the same for the program',
    async ([file = '', ...rest]) => {
      const run = async (withAgent: boolean): Promise<unknown> => {
        const agent = withAgent ? { withAgent, registerFile: BUILT_REGISTER_FILE } : {};
        const { stdout, exitCode } = await runNode({ args: [`${APPS}/${file}`, ...rest], node, env: SILENT, ...agent });
        return { exitCode, lines: stdout.split('\n') };
      };
      const [without, withAgent] = await Promise.all([run(false), run(true)]);
      expect(withAgent).toEqual(without);
      expect(without).toMatchObject({ exitCode: 0, lines: expect.objectContaining({ length: 7 }) as unknown });
    },
  );

  it.each([[['connections.cjs']], [['connections.mjs']], [['connections.cjs', 'worker']]])(
    '%j: what leaves is what the program knows',
    async ([file = '', ...rest]) => {
      const { result, observed } = await observe({ args: [`${APPS}/${file}`, ...rest, 'known'], node });
      expect(result.exitCode).toBe(0);
      const known = JSON.parse(/^known (.*)$/m.exec(result.stdout)?.[1] ?? '') as Record<string, number[]>;
      const served = { completions: 3, services: 3, size: 0 };
      expect(toldOf(observed, 'pg-pool')).toEqual({
        arrivals: 5,
        completions: 4,
        rejections: 1,
        aborts: 1,
        size: 0,
        waits: 4,
        services: 4,
      });
      expect(toldOf(observed, 'mysql2')).toEqual({ ...served, arrivals: 3, rejections: 1, aborts: 0, waits: 3 });
      for (const library of ['http.Agent', 'undici'])
        expect(toldOf(observed, library)).toEqual({ ...served, arrivals: 3, rejections: 0, aborts: 0, waits: 3 });
      /* With undici loaded Node's own `fetch` asks its dispatcher, unless they are of versions that know nothing of each other. */
      const [own, shared] = [toldOf(observed, 'fetch'), toldOf(observed, 'undici.globalDispatcher')];
      for (const field of ['arrivals', 'completions', 'waits'])
        expect([field, Number(own[field]) + Number(shared[field])]).toEqual([field, 2]);

      for (const library of ['pg-pool', 'mysql2']) {
        const waits = observed
          .series('db.client.connection.wait_time')
          .filter(({ attributes }) =>
            nameIn(attributes, 'db.client.connection.pool.name').startsWith(`${library}@test/`),
          )
          .find(({ histogram }) => histogram?.count === 3);
        const knownS = (known[library] as number[]).reduce((sum, ms) => sum + ms / 1000, 0);
        /* The program asks a little before, and hears of it a little later. */
        expect(waits?.histogram?.sum).toBeGreaterThan(3 * HOLD_S * 0.95);
        expect(waits?.histogram?.sum).toBeLessThanOrEqual(knownS);
        expect(waits?.histogram?.sum).toBeGreaterThan(knownS * 0.8);
      }
      expect(observed.sum('db.client.connection.pending_requests')).toBe(0);
      const names = observed
        .series('gridwatch.queue.arrivals')
        .map(({ attributes }) => nameIn(attributes, 'gridwatch.queue.name'));
      expect(names.filter((name) => /127\.0\.0\.1|localhost/.test(name))).toEqual([]);
    },
  );

  it('nothing is patched with queues switched off', async () => {
    const env = { GRIDWATCH_FEATURES: '-queues' };
    const { result, observed } = await observe({ args: [`${APPS}/connections.cjs`], node, env });
    expect(result.exitCode).toBe(0);
    expect(observed.series('gridwatch.queue.arrivals')).toEqual([]);
    expect(observed.series('gridwatch.pool.utilization')).toEqual([]);
  });

  it("libuv's thread pool: how busy it is, and how long something waits there", async () => {
    const env = { OTEL_METRIC_EXPORT_INTERVAL: '500' };
    await using program = await startObserved({ args: [`${APPS}/thread-pool.cjs`], node, env });
    const libuv = { 'gridwatch.queue.name': 'libuv', 'gridwatch.queue.kind': 'libuv' };
    const { observed } = program;
    /* Sixteen tasks for four threads: a newcomer waits for three rounds of them. */
    await eventually(
      'probes that waited',
      () => (observed.series('gridwatch.queue.wait.duration', libuv)[0]?.histogram?.sum ?? 0) > 0.1,
    );
    await eventually('a busy pool', () => (observed.sum('gridwatch.pool.utilization', libuv) ?? 0) > 0.9);
    const threads = (state: string): number | undefined =>
      observed.sum('gridwatch.pool.thread.count', { ...libuv, 'gridwatch.pool.thread.state': state });
    /* That is as they are found at one moment, which may be between two tasks of one. */
    await eventually('all at work', () => threads('active') === 4 && threads('idle') === 0);
    expect(observed.sum('gridwatch.pool.thread.limit', libuv)).toBe(4);
    expect(observed.series('gridwatch.queue.size', libuv)).toEqual([]);
  });
});
