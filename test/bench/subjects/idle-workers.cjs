/* Starts 64 workers that wait for messages, lets everything settle, and prints the CPU share and the memory of the whole process while idle. */
const { readFileSync } = require('node:fs');
const { Worker } = require('node:worker_threads');
const { setTimeout: pause } = require('node:timers/promises');

const WORKERS = 64;
const SETTLE_MS = 5000;
const MEASURE_MS = 15_000;

async function main() {
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker("require('node:worker_threads').parentPort.on('message', () => {})", { eval: true })
  );
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  await pause(SETTLE_MS);
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await pause(MEASURE_MS);
  const { user, system } = process.cpuUsage(before);
  const cpuShare = (user + system) / 1e3 / (performance.now() - startedMs);
  const rssMib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  process.stdout.write(JSON.stringify({ cpuShare, rssMib }));
  process.exit();
}
main();
