/**
 * Demonstrates back-pressure: one thread finds work faster than two others can do it, and a bounded queue between them makes it wait instead of letting the
 * backlog grow. Nothing is lost, memory stays where it is, and the queue is full all the time: the workers are the bottleneck, and more of them would help.
 *
 * What shows it: `gridwatch.thread.state.time` of the thread `finder` is nearly all `waiting_queue`, that of `hasher-1` and `hasher-2` is nearly all
 * `running`. With QUEUE_WORK_MS=0 it is the other way round: the hashers wait for the finder. With postMessage in its place the finder would never wait,
 * and nothing would tell of the backlog but `v8js.memory.heap.used` of the hashers.
 *
 *     node --require gridwatch/register examples/bounded-queue/main.js
 *
 * It lasts as many seconds as QUEUE_SECONDS says (10). A hash takes about QUEUE_WORK_MS (5).
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Channel } from 'gridwatch/sync';

const SECONDS = Number(process.env.QUEUE_SECONDS ?? 10);
const WORK_MS = Number(process.env.QUEUE_WORK_MS ?? 5);
const CAPACITY = 16;
const HASHERS = 2;

/** The same queue in every thread: found by its name. */
const documents = new Channel('documents', { capacity: CAPACITY, itemBytes: 1024 });

/** Sends documents as fast as there is room for them, until the time is up; how many. */
function find() {
  let found = 0;
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end; found++)
    documents.send({ id: found, text: `document ${found} `.repeat(20) });
  documents.close();
  return found;
}

/** Takes documents until the queue is closed and empty; how many. */
function hashAll() {
  let hashed = 0;
  for (const { text } of documents) {
    const hash = createHash('sha256');
    const end = performance.now() + WORK_MS;
    do hash.update(text);
    while (performance.now() < end);
    hash.digest();
    hashed++;
  }
  return hashed;
}

if (isMainThread) {
  const names = ['finder', ...Array.from({ length: HASHERS }, (_, i) => `hasher-${i + 1}`)];
  const counts = await Promise.all(
    names.map(async (name) => {
      const worker = new Worker(new URL(import.meta.url), { name, workerData: name });
      const [count] = await once(worker, 'message');
      return count;
    }),
  );
  console.log(
    `${counts[0]} documents found, ${counts.slice(1).join(' and ')} hashed, never more than ${CAPACITY} waiting`,
  );
} else {
  parentPort.postMessage(workerData === 'finder' ? find() : hashAll());
}
