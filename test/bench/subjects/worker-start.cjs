/* Starts workers one after the other, once the agent thread has settled, and prints the median time until their first line. */
const { Worker } = require('node:worker_threads');
const { setTimeout: pause } = require('node:timers/promises');

const WORKERS = 40;
const SETTLE_MS = 600;
const CODE = "require('node:worker_threads').parentPort.postMessage(process.hrtime.bigint())";

async function main() {
  await pause(SETTLE_MS);
  const times = [];
  for (let i = 0; i < WORKERS; i++) {
    const startedNs = process.hrtime.bigint();
    const worker = new Worker(CODE, { eval: true });
    const firstLineNs = await new Promise((resolve) => worker.once('message', resolve));
    times.push(Number(firstLineNs - startedNs) / 1e6);
    await worker.terminate();
  }
  process.stdout.write(String(times.toSorted((a, b) => a - b)[WORKERS >> 1]));
}
main();
