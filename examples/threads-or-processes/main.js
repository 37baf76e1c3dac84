/**
 * Demonstrates the choice between threads and processes: the same job, documents to be indexed, once by the threads of a piscina pool and once by the processes of
 * a cluster, as many of one as of the other. Both are given the documents by message, and both answer with the index.
 *
 * It prints for each: documents a second, what one more worker takes of memory, what it costs the main thread to send one document, and the energy of the
 * package where the kernel shows that (`/sys/class/powercap`, mostly for root alone). With the agent: `gridwatch.message.serialize.duration` and
 * `gridwatch.queue.wait.duration` of the pool, and of the queue of kind `ipc`, `gridwatch.thread.cpu.time` of `main`.
 *
 *     node --require gridwatch/register examples/threads-or-processes/main.js
 *
 * It indexes as many documents as CHOICE_DOCUMENTS says (2000), of about CHOICE_KB (20), with CHOICE_WORKERS (2) workers.
 */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Piscina } from 'piscina';
import { indexDocument } from './index-document.js';

const DOCUMENTS = Number(process.env.CHOICE_DOCUMENTS ?? 2000);
const KB = Number(process.env.CHOICE_KB ?? 20);
const WORKERS = Number(process.env.CHOICE_WORKERS ?? 2);
/** Documents that are on their way at once: enough to keep each worker busy. */
const AT_ONCE = WORKERS * 4;
const TASK = { name: 'indexDocument' };
const ENERGY_FILE = '/sys/class/powercap/intel-rapl:0/energy_uj';
const WORDS = 'lock queue thread core joule wait hold send post take give ring'.split(' ');

/** Documents as a service is sent them: an object with some text. */
function documentOf(id) {
  const words = [];
  for (let length = 0, at = id; length < KB * 1024; at = (at * 31 + 7) % 1009) {
    const word = WORDS[at % WORDS.length] + (at % 89);
    length += word.length + 1;
    words.push(word);
  }
  return { id, title: `document ${id}`, text: words.join(' ') };
}

/** Each way is opened with its workers, indexes one document at a time for whoever asks, and says what its workers take. */
async function openThreads() {
  const before = process.memoryUsage().rss;
  const filename = new URL('./index-document.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: WORKERS, maxThreads: WORKERS });
  await Promise.all(Array.from({ length: WORKERS }, (_, id) => pool.run(documentOf(id), TASK)));
  return {
    index: (document) => pool.run(document, TASK),
    bytes: async () => (process.memoryUsage().rss - before) / WORKERS,
    close: () => pool.destroy(),
  };
}

async function openProcesses() {
  cluster.setupPrimary({ exec: new URL(import.meta.url).pathname });
  const waiting = new Map();
  const workers = Array.from({ length: WORKERS }, () => cluster.fork());
  for (const worker of workers) worker.on('message', ({ id, index }) => waiting.get(id)?.(index));
  await Promise.all(workers.map((worker) => once(worker, 'online')));
  let next = 0;
  const index = (document) =>
    new Promise((resolve) => {
      waiting.set(document.id, (found) => {
        waiting.delete(document.id);
        resolve(found);
      });
      workers[next++ % WORKERS].send(document);
    });
  return {
    index,
    bytes: async () => workers.reduce((sum, { process: { pid } }) => sum + residentBytes(pid), 0) / WORKERS,
    close: async () => {
      const ended = workers.map((worker) => once(worker, 'exit'));
      for (const worker of workers) worker.disconnect();
      await Promise.all(ended);
    },
  };
}

/** What a process keeps in memory that it shares with nobody; all it keeps where the kernel does not tell. */
function residentBytes(pid) {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kilobytes = Array.from(rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm), ([, kb]) => Number(kb));
    return kilobytes.reduce((sum, kb) => sum + kb, 0) * 1024;
  } catch {
    return Number.NaN;
  }
}

function energyUj() {
  try {
    return Number(readFileSync(ENERGY_FILE, 'utf8'));
  } catch {
    return Number.NaN;
  }
}

async function measure(name, open) {
  const way = await open();
  const documents = Array.from({ length: DOCUMENTS }, (_, id) => documentOf(id));
  const startUj = energyUj();
  const startedMs = performance.now();
  let sendMs = 0;
  let next = 0;
  const feed = async () => {
    while (next < documents.length) {
      const document = documents[next++];
      const sentMs = performance.now();
      const answer = way.index(document);
      sendMs += performance.now() - sentMs;
      await answer;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, feed));
  const seconds = (performance.now() - startedMs) / 1000;
  const joules = (energyUj() - startUj) / 1e6;
  const bytes = await way.bytes();
  await way.close();
  const energy = Number.isNaN(joules) ? 'energy not known' : `${(joules / DOCUMENTS).toFixed(3)} J a document`;
  console.log(
    `${name}: ${Math.round(DOCUMENTS / seconds)} documents/s, ${(bytes / 2 ** 20).toFixed(0)} MiB a worker, ` +
      `${((sendMs * 1000) / DOCUMENTS).toFixed(0)} us to send one, ${energy}`,
  );
}

if (cluster.isPrimary) {
  await measure('threads  ', openThreads);
  await measure('processes', openProcesses);
} else {
  process.on('message', (document) => process.send({ id: document.id, index: indexDocument(document) }));
}
