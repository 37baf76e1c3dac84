/**
 * What a collector sees of a program's ports (`ports.cjs`): numbers that are exact, channels that are given back, ports that are off and are told of. On every line of
 * Node.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { observe } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/apps/ports.cjs', import.meta.url));
const MESSAGES = 100;
const CHANNELS = 5000;
const ROUNDS = 5;
const { present, missing } = await findTestedNodes();
const env = { GRIDWATCH_EXIT_TIMEOUT_MS: '10000', GRIDWATCH_QUEUE_THRESHOLD_MS: '60000' };

describe.each(present)('Node $version', (node) => {
  test('every message is counted once, by port and direction', async () => {
    const { result, observed } = await observe({ args: [PROGRAM, 'counts'], node, env });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const port = { 'gridwatch.queue.kind': 'message_port' };
    const figures = (name: string, direction: string | undefined): unknown => {
      const sought = { ...port, 'gridwatch.queue.name': name, 'gridwatch.queue.direction': direction };
      return {
        arrivals: observed.sum('gridwatch.queue.arrivals', sought),
        completions: observed.sum('gridwatch.queue.completions', sought),
        transits: observed.count('gridwatch.queue.wait.duration', sought),
        size: observed.sum('gridwatch.queue.size', sought),
        errors: observed.sum('gridwatch.message.errors', sought),
      };
    };
    const echoed = { completions: MESSAGES, transits: MESSAGES, size: 0, errors: 0 };
    expect(figures('echo', 'to_parent')).toEqual({ ...echoed, arrivals: MESSAGES });
    const withEnd = MESSAGES + 1;
    expect(figures('echo', 'to_worker')).toEqual({
      arrivals: withEnd,
      completions: withEnd,
      transits: withEnd,
      size: 0,
      errors: 1,
    });
    const names = [
      ...new Set(
        observed
          .series('gridwatch.queue.arrivals', port)
          .map(({ attributes }) => attributes['gridwatch.queue.name'] as string),
      ),
    ];
    const channels = names.filter((name) => name.startsWith('MessageChannel@')).toSorted();
    expect(channels.map((name) => name.replace(/:\d+$/, ''))).toEqual([
      'MessageChannel@test/fixtures/apps/ports.cjs',
      'MessageChannel@test/fixtures/apps/ports.cjs',
    ]);
    const found = channels.map((name) => figures(name, undefined));
    expect(found).toContainEqual({
      ...echoed,
      arrivals: 2 * MESSAGES,
      completions: 2 * MESSAGES,
      transits: 2 * MESSAGES,
    });
    expect(found).toContainEqual({ arrivals: 1, completions: 0, transits: 0, size: 1, errors: 0 });
    expect(observed.series('gridwatch.agent.feature.disabled', { 'gridwatch.reason': 'ledger_poisoned' })).toEqual([]);
  });

  test('channels that are closed are given back: more of them than there is room for, none is dropped', async () => {
    const { result, observed } = await observe({ args: [PROGRAM, 'churn'], node, env, deadlineMs: 100_000 });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const port = { 'gridwatch.queue.kind': 'message_port' };
    expect(observed.sum('gridwatch.queue.arrivals', port)).toBe(CHANNELS * ROUNDS);
    expect(observed.sum('gridwatch.queue.completions', port)).toBe(CHANNELS * ROUNDS);
    expect(observed.sum('gridwatch.queue.size', port)).toBe(0);
    expect(observed.sum('gridwatch.agent.dropped', { 'gridwatch.record.kind': 'queue' }) ?? 0).toBe(0);
  }, 120_000);

  test('ports that leave our sight are off, and counted', async () => {
    const { result, observed } = await observe({
      args: [PROGRAM, 'lost'],
      node,
      env: { ...env, GRIDWATCH_EXCLUDE_THREADS: 'left-alone' },
    });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const off = { 'gridwatch.feature': 'messages.ports', 'gridwatch.reason': 'ledger_poisoned' };
    expect(observed.sum('gridwatch.agent.feature.disabled', off)).toBe(6);
    const incidents = observed.spans.filter(({ name }) => name === 'incident gridwatch.agent.degraded');
    expect(incidents.map(({ attributes }) => attributes)).toEqual(
      expect.arrayContaining([
        {
          ...off,
          'gridwatch.queue.name': expect.stringMatching(/^MessageChannel@test\/fixtures\/apps\/ports\.cjs:\d+$/),
        },
      ]),
    );
  });
});

describe.each(missing)('without a Node to test', ({ reason }) => {
  test('says why', ({ skip }) => skip(reason));
});
