/**
 * One trace across a pool, on every Node: the span of the program that submits, the task's, which the agent makes, and what the worker does. Tasks of several spans
 * and of none run beside each other, and none runs in the span of another.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import type { NodeBinary } from '../support/nodes.ts';
import { observe } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();
const PROGRAM = fileURLToPath(new URL('../fixtures/pools/traced.cjs', import.meta.url));

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
}

interface Task {
  /** That of its submission. */
  readonly span?: Ids;
  readonly seen: { readonly first?: Ids; readonly later?: Ids; readonly parentSpanId?: string };
}

const POOLS = {
  piscina: 'piscina@test/fixtures/pools/traced-work.cjs',
  'piscina-async': 'piscina@test/fixtures/pools/traced-work.cjs',
  tinypool: 'tinypool@test/fixtures/pools/traced-work.cjs',
  workerpool: 'workerpool@test/fixtures/pools/traced-workerpool.cjs',
  poolifier: 'poolifier@test/fixtures/pools/traced-poolifier.cjs',
};

async function run(node: NodeBinary, env: Record<string, string>): Promise<[Record<string, Task[]>, OtlpSpan[]]> {
  const { result, observed } = await observe({
    args: [PROGRAM],
    node,
    env: { GRIDWATCH_LOG: 'off', OTEL_LOGS_EXPORTER: 'none', ...env },
  });
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  return [
    JSON.parse(result.stdout) as Record<string, Task[]>,
    observed.spans.filter(({ name }) => name.startsWith('task ')),
  ];
}

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  it.each([
    ['an SDK in the workers', { WORKER_SDK: 'yes' }],
    ['none', { GRIDWATCH_CONTEXT: 'on' }],
  ])('with %s', async (_, env) => {
    const [found, spans] = await run(node, env);
    expect(Object.keys(found)).toEqual(Object.keys(POOLS));
    for (const [pool, tasks] of Object.entries(found)) {
      for (const { span, seen } of tasks) {
        if (span === undefined) {
          expect(seen).toEqual({});
          continue;
        }
        const { traceId } = span;
        const task = spans.find(({ spanId }) => spanId === seen.first?.spanId);
        expect(task).toMatchObject({ name: `task ${POOLS[pool as keyof typeof POOLS]}`, traceId });
        expect(task?.parentSpanId).toBe(span.spanId);
        expect([seen.first, seen.later]).toMatchObject([{ traceId }, { traceId, spanId: task?.spanId }]);
        if ('WORKER_SDK' in env) expect(seen.parentSpanId).toBe(task?.spanId);
      }
      expect(tasks.filter(({ span }) => span !== undefined)).toHaveLength(8);
    }
    /* Tasks of no trace that have waited long have spans of their own. */
    const children = spans.filter(({ parentSpanId }) => parentSpanId !== '');
    expect(new Set(children.map(({ spanId }) => spanId)).size).toBe(40);
  });
});
