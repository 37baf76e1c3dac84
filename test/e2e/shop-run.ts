/**
 * The shop under the agent, sending to a stack, for the e2e tests. Runs in a test's own process; the shop and its load are processes of their own.
 */

import { firstLine } from '../support/first-line.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { type RunningNode, type RunOptions, startNode } from '../support/run-node.ts';

/** Often enough for a test to see several; in a service it is 15 s. */
const METRICS_EVERY_MS = 5_000;

/** Starts it; `env` says how long, how hard, and where to. */
export function startShop(env: NonNullable<RunOptions['env']>): RunningNode {
  return startNode({
    withAgent: true,
    registerFile: BUILT_REGISTER_FILE,
    args: ['examples/shop/server.js'],
    env: {
      OTEL_METRIC_EXPORT_INTERVAL: String(METRICS_EVERY_MS),
      // Other processes of this machine may have claimed to tell of it.
      GRIDWATCH_HOST_METRICS: 'on',
      GRIDWATCH_LOG: 'text',
      ...env,
    },
    deadlineMs: 240_000,
  });
}

/** Its address, once it serves. */
export async function addressOf(shop: RunningNode): Promise<string> {
  const line = await firstLine(shop.child);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`the shop did not open: ${line}`);
  return url;
}

/** The requests its load generator had an answer to; throws when one had none. */
export function answeredRequests(stdout: string): number {
  const [, answered, failed] = /(\d+) requests answered, (\d+) failed/.exec(stdout) ?? [];
  if (answered === undefined || failed !== '0') throw new Error(`the shop's load did not end well: ${stdout}`);
  return Number(answered);
}
