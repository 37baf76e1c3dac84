/*
 * The subject of message-cost: `rate` bounces a message of 100 bytes between this thread and a worker and prints the median time of a round trip over batches;
 * `ports` opens ports, posts through each, and prints how much resident memory that took.
 */
'use strict';
const { MessageChannel, Worker, isMainThread, parentPort, receiveMessageOnPort } = require('node:worker_threads');

const WARM_UP = 20_000;
const BATCHES = 30;
const A_BATCH = 2000;
/** The agent thread has loaded all it needs by then, and has read all ports. */
const SETTLED_MS = 3000;

if (!isMainThread) {
  parentPort.on('message', (message) => parentPort.postMessage(message));
} else if (process.argv[2] === 'ports') setTimeout(ports, SETTLED_MS, Number(process.argv[3]));
else rate();

function rate() {
  const worker = new Worker(__filename);
  const message = 'x'.repeat(100);
  const batches = [];
  let left = WARM_UP;
  let startedNs = 0n;
  worker.on('message', () => {
    if (--left === 0) {
      const nowNs = process.hrtime.bigint();
      if (startedNs !== 0n) batches.push(Number(nowNs - startedNs) / A_BATCH);
      if (batches.length === BATCHES) {
        const cpuUs = process.cpuUsage().user + process.cpuUsage().system;
        console.log(JSON.stringify({ figure: batches.toSorted((a, b) => a - b)[BATCHES / 2], cpuUs }));
        void worker.terminate();
        return;
      }
      left = A_BATCH;
      startedNs = process.hrtime.bigint();
    }
    worker.postMessage(message);
  });
  worker.postMessage(message);
}

function ports(count) {
  global.gc?.();
  const before = process.memoryUsage().rss;
  const channels = [];
  for (let i = 0; i < count / 2; i++) {
    const channel = new MessageChannel();
    channel.port1.postMessage(i);
    channel.port2.postMessage(i);
    receiveMessageOnPort(channel.port1);
    receiveMessageOnPort(channel.port2);
    channels.push(channel);
  }
  setTimeout(() => {
    global.gc?.();
    console.log(JSON.stringify({ figure: (process.memoryUsage().rss - before) / 2 ** 20 }));
    process.exit(0);
  }, SETTLED_MS);
}
