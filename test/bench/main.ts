/**
 * `npm run bench [name...]`: measures what the agent costs, as differences and ratios of one run, against the bars of the design. Variants run in
 * processes of their own, alternated, because one process's measurements of the same code differ by the order of their creation; medians are
 * compared. It exits with 0 also when a bar is missed: a busy machine must not fail a build, and the table says what was measured.
 */
import { availableParallelism } from 'node:os';
import { channelRate } from './channel-rate.ts';
import { drainRate } from './drain-rate.ts';
import { firstLine } from './first-line.ts';
import { httpThroughput } from './http-throughput.ts';
import { idleCost } from './idle-cost.ts';
import { lockScan } from './lock-scan.ts';
import { messageCost } from './message-cost.ts';
import { metricsCost } from './metrics-cost.ts';
import { mutexCost } from './mutex-cost.ts';
import { poolThroughput } from './pool-throughput.ts';
import { wholeProcess } from './process-end.ts';
import { promiseLockCost } from './promise-lock-cost.ts';
import { queueCost } from './queue-cost.ts';
import { recordCost } from './record-cost.ts';
import { soak } from './soak.ts';
import { spanCost } from './span-cost.ts';
import type { Benchmark, Row } from './table.ts';
import { printTable } from './table.ts';
import { threadStates } from './thread-states.ts';
import { workerStart } from './worker-start.ts';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  'first-line': firstLine,
  'process-end': wholeProcess,
  'worker-start': workerStart,
  'record-cost': recordCost,
  'span-cost': spanCost,
  'promise-lock-cost': promiseLockCost,
  'queue-cost': queueCost,
  'pool-throughput': poolThroughput,
  'idle-cost': idleCost,
  'drain-rate': drainRate,
  'metrics-cost': metricsCost,
  'lock-scan': lockScan,
  'thread-states': threadStates,
  'channel-rate': channelRate,
  'mutex-cost': mutexCost,
  'message-cost': messageCost,
  http: httpThroughput,
  soak,
};

/** Takes half an hour. */
const ONLY_WHEN_ASKED = new Set(['soak']);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(', ')}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}

console.log(`Node ${process.version}, ${process.platform}-${process.arch}, ${availableParallelism()} CPUs`);
const rows: Row[] = [];
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (asked.length > 0 ? !asked.includes(name) : ONLY_WHEN_ASKED.has(name)) continue;
  const startedMs = performance.now();
  rows.push(...(await run()));
  console.error(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
}
printTable(rows);
