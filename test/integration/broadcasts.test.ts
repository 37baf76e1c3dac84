/** Broadcast channels on every line of Node: with one sender each delivery is in a span of its own under the sender's, and timed; with a second one messages are counted. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { observe } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/apps/broadcast-spans.cjs', import.meta.url));
const ORDERS = 'BroadcastChannel@orders-*';
const { present, missing } = await findTestedNodes();

interface Taken {
  readonly posted: string;
  readonly trace?: string;
  readonly parent?: string;
}

describe.each(present)('Node $version', (node) => {
  test('the context of the one sender', async () => {
    const { result, observed } = await observe({ args: [PROGRAM], node });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const { here, there, news } = JSON.parse(result.stdout) as Record<'here' | 'there' | 'news', Taken[]>;
    const named = (name: string): typeof observed.spans => observed.spans.filter((span) => span.name === name);
    const sends = named(`send ${ORDERS}`);
    const processes = named(`process ${ORDERS}`);
    expect([here.length, there.length, sends.length, processes.length]).toEqual([3, 3, 6, 6]);
    for (const { posted, trace, parent } of [...here, ...there]) {
      expect(trace).toBe(posted.padStart(32, '0'));
      const process = processes.find(({ spanId }) => spanId === parent);
      const send = sends.find(({ spanId }) => spanId === process?.parentSpanId);
      expect(send).toMatchObject({ traceId: trace, parentSpanId: posted });
      expect(process).toMatchObject({ traceId: trace });
      expect(process?.attributes).toMatchObject({ 'gridwatch.queue.kind': 'broadcast' });
    }
    /* The first was posted before there was a second sender, whose message and those after it have none. */
    const [first, second, last] = news;
    expect(first?.trace).toBe(first?.posted.padStart(32, '0'));
    expect(second?.trace).toBe(second?.posted.padStart(32, '0'));
    expect(last).toEqual({ posted: '00000000000000b1' });

    const orders = { 'gridwatch.queue.kind': 'broadcast', 'gridwatch.queue.name': ORDERS };
    expect(observed.sum('gridwatch.queue.arrivals', orders)).toBe(3);
    expect(observed.sum('gridwatch.queue.completions', orders)).toBe(6);
    expect(observed.count('gridwatch.queue.wait.duration', orders)).toBe(6);
  });
});

describe.each(missing)('without a Node to test', ({ reason }) => {
  test('says why', ({ skip }) => skip(reason));
});
