/**
 * Demonstrates a port without a bound: the main thread posts readings to a worker faster than that can handle them. `postMessage` never waits and never fails, so
 * nothing tells the sender; the backlog grows in memory that no heap statistic shows, and each reading is older than the one before when it is handled.
 *
 * What shows it: `gridwatch.queue.size` of the queue `consumer` (`gridwatch.queue.direction` = `to_worker`) grows and grows, `gridwatch.queue.oldest_item.age` with
 * it, and `gridwatch.queue.wait.duration` says what that means for each reading. The way out is a queue with a bound, as in `bounded-queue/`.
 *
 *     node --require gridwatch/register examples/message-storm/main.js
 *
 * It posts for as many seconds as STORM_SECONDS says (5), and then waits until the worker has handled them all.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const SECONDS = Number(process.env.STORM_SECONDS ?? 5);
/** Every so often that many: three times what the worker can handle. */
const EVERY_MS = 10;
const READINGS = 30;
const HANDLE_MS = 1;

/** Handles readings one after the other, each for as long as it takes, and says how many when it is asked. */
function consume() {
  let handled = 0;
  parentPort.on('message', (reading) => {
    if (reading.isLast) {
      parentPort.postMessage({ handled, lateMs: Date.now() - reading.takenMs });
      parentPort.close();
      return;
    }
    for (const end = performance.now() + HANDLE_MS; performance.now() < end; );
    handled++;
  });
}

async function storm() {
  const consumer = new Worker(new URL(import.meta.url), { name: 'consumer' });
  await once(consumer, 'online');
  let posted = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < READINGS; i++) consumer.postMessage({ id: ++posted, takenMs: Date.now(), values: [1, 2, 3] });
  }, EVERY_MS);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  clearInterval(timer);
  consumer.postMessage({ isLast: true, takenMs: Date.now() });
  const [{ handled, lateMs }] = await once(consumer, 'message');
  console.log(`${posted} readings posted, ${handled} handled; the last one had waited for ${lateMs} ms`);
}

if (isMainThread) await storm();
else consume();
