/** Messages of IPC, of broadcast channels and of `postMessageToThread`: counted on each side, and seen by the program as without the agent. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { observe } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/apps/other-messages.cjs', import.meta.url));
const { present, missing } = await findTestedNodes();

describe.each(present)('Node $version', (node) => {
  test('messages that go by no port of the program', async () => {
    const without = await runNode({ args: [PROGRAM], node });
    const { result, observed } = await observe({ args: [PROGRAM], node });
    expect(result).toMatchObject({ exitCode: 0, stdout: without.stdout, stderr: '' });

    const count = (what: string, kind: string, name: string, direction?: string): number | undefined =>
      observed.sum(`gridwatch.queue.${what}`, {
        'gridwatch.queue.kind': kind,
        'gridwatch.queue.name': name,
        'gridwatch.queue.direction': direction,
      });
    /* The child tells of its own side as another process. */
    expect(count('arrivals', 'ipc', 'child_process', 'to_worker')).toBe(10);
    expect(count('completions', 'ipc', 'child_process', 'to_worker')).toBe(10);
    expect(count('arrivals', 'ipc', 'child_process', 'to_parent')).toBe(10);
    expect(count('completions', 'ipc', 'child_process', 'to_parent')).toBe(10);
    expect(count('arrivals', 'broadcast', 'BroadcastChannel@orders-*')).toBe(5);
    expect(count('completions', 'broadcast', 'BroadcastChannel@orders-*')).toBe(5);
    expect(count('arrivals', 'message_port', 'postMessageToThread')).toBe(4);
    expect(count('completions', 'message_port', 'postMessageToThread')).toBe(4);
    const transits = observed.count('gridwatch.queue.wait.duration', { 'gridwatch.queue.name': 'postMessageToThread' });
    expect(transits).toBe(4);
  });
});

describe.each(missing)('without a Node to test', ({ reason }) => {
  test('says why', ({ skip }) => skip(reason));
});
