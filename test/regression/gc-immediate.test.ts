/**
 * Node tells the observer of garbage collections by an immediate of its own, which `process.getActiveResourcesInfo()` names: a comparison with and
 * without the agent failed whenever a collection fell into the program's first turn. It is a known exception: one immediate, for one turn.
 * Runs in a test process; the program in one of its own.
 */
import { beforeAll, expect, test } from 'vitest';
import { buildAgent } from '../support/build-agent.ts';
import { runNode } from '../support/run-node.ts';

const PROGRAM = `
  gc();
  const seen = [];
  const look = () => seen.push(process.getActiveResourcesInfo().filter((name) => name === 'Immediate').length);
  setImmediate(() => { look(); setImmediate(() => { look(); setImmediate(() => { look(); console.log(JSON.stringify(seen)); }); }); });
`;

beforeAll(() => buildAgent());

test('a collection is one immediate more, for one turn', async () => {
  const options = { args: ['--expose-gc', '--min-semi-space-size=16', '--eval', PROGRAM] };
  const env = { GRIDWATCH_LOG: 'off', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const [without, withAgent] = await Promise.all([runNode(options), runNode({ ...options, withAgent: true, env })]);
  expect([JSON.parse(without.stdout), JSON.parse(withAgent.stdout)]).toEqual([
    [0, 0, 0],
    [1, 0, 0],
  ]);
});
