/**
 * Every Collector on the way of a trace is killed or restarted while traces come in, and Jaeger as well. What the host's Collector has acknowledged is known by
 * name, and is in Jaeger in the end. The one thing that no disk promises, and that this test therefore does not do, is to kill an instance of the second tier
 * while it has traces that it has not decided on.
 */
import { expect, it } from 'vitest';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { eventually } from '../support/eventually.ts';
import { Gateway, TIER2 } from '../support/gateway.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';

const SERVICE = 'posted';
const TRACES = 100;
const DECISION_WAIT_S = 2;
const OUTAGE = { deadlineMs: 60_000, intervalMs: 100 } as const;
/** An instance that was away is tried again after ten seconds at the latest. */
const RECOVERY = { deadlineMs: 120_000, intervalMs: 500 } as const;

it('what the host has acknowledged is in Jaeger, whoever was killed meanwhile', async (context) => {
  const binaries = binariesFor(context);
  await using stack = await Stack.start(binaries, { only: ['jaeger'] });
  await using gateway = await Gateway.prepare(binaries);
  await gateway.start({ jaegerPort: stack.ports.jaegerGrpc, decisionWaitS: DECISION_WAIT_S });
  /* A posted span has lasted for a while. */
  const fromMs = Date.now() - 1_000;
  const load = new AcknowledgedLoad(gateway.url, SERVICE);
  const more = async (when: string): Promise<void> => {
    const goal = load.acknowledged.length + TRACES;
    await eventually(`${TRACES} more traces ${when}`, () => load.acknowledged.length >= goal, OUTAGE);
  };
  const missing = async (): Promise<string[]> => {
    const traces = await stack.jaeger.find({ service: SERVICE, fromMs, limit: 100_000 });
    const stored = new Set(traces.map(({ traceID }) => traceID));
    return load.acknowledged.filter((id) => !stored.has(id));
  };
  const total = async (metric: string): Promise<number> => {
    const counts = await Promise.all(TIER2.map(async (node) => gateway.total(node, metric)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const decided = async (): Promise<number> => total('processor_tail_sampling_global_count_traces_sampled');

  await more('before anything happens');
  await gateway.process('host').kill('SIGKILL');
  const refusals = load.refusals;
  await eventually('the load to have noticed', () => load.refusals > refusals, OUTAGE);
  await gateway.process('host').start();
  await more('after the host came back');

  /* Orderly, as for a new version: it decides on what it has. The first tier dies while it holds what that instance does not take. */
  for (const node of TIER2) {
    await gateway.process(node).kill('SIGTERM');
    await more(`while there is no ${node}`);
    const isHeld = async (): Promise<boolean> => (await gateway.total('tier1', 'exporter_queue_size')) > 0;
    await eventually(`the first tier to queue what ${node} does not take`, isHeld, OUTAGE);
    await gateway.process('tier1').kill('SIGKILL');
    await more('while there is no first tier, either');
    await gateway.process(node).start();
    await gateway.process('tier1').start();
  }
  await more('after the second tier came back');
  await load.stop();
  const early = load.acknowledged.length;
  await eventually('all so far to be in Jaeger', async () => (await missing()).length === 0, RECOVERY);

  /* From here on all decisions are about what has not come yet. */
  const since = await decided();
  await stack.process('jaeger').kill('SIGKILL');
  const second = new AcknowledgedLoad(gateway.url, SERVICE);
  await eventually(`${TRACES} more without Jaeger`, () => second.acknowledged.length >= TRACES, OUTAGE);
  await second.stop();
  const areDecided = async (): Promise<boolean> => (await decided()) >= since + second.acknowledged.length;
  await eventually('all of them to be decided on', areDecided, RECOVERY);
  const isQueued = async (): Promise<boolean> => (await total('exporter_queue_size')) > 0;
  await eventually('the second tier to queue what Jaeger does not take', isQueued, OUTAGE);
  for (const node of TIER2) await gateway.process(node).kill('SIGKILL');
  await stack.process('jaeger').start();
  for (const node of TIER2) await gateway.process(node).start();
  load.acknowledged.push(...second.acknowledged);
  await eventually('all to be in Jaeger', async () => (await missing()).length === 0, RECOVERY);
  expect(await missing()).toEqual([]);
  expect(load.acknowledged.length).toBeGreaterThan(early);
  expect(await gateway.losses()).toEqual({});
  console.log(`e2e: ${load.acknowledged.length} traces acknowledged, none lost; ${load.refusals} posts refused`);
});
