/**
 * GridwatchHeapNearLimit: a worker keeps the session of everybody who has ever come, in a heap that was made for fewer. It gets fuller and fuller, and is nearly full for a long
 * time, since fewer and fewer are new; with some more of them the worker would end. Until then V8 looks through all of that heap again and again for the little that is garbage.
 *
 * The way out is `fixed.js`: whoever has not been seen for longest is forgotten.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { clients, pause } from '../service.js';
import { traced } from '../tracing.js';

const HEAP_MB = 128;
const ARTICLES = 200;
const VISITORS = 10_500;
const SAVE_MS = 50;

const sessions = new Map();

function come(visitor) {
  // A mistake to find: nobody is ever forgotten.
  const seen = Array.from({ length: ARTICLES }, (_, article) => ({ article, count: 1 }));
  sessions.set(visitor, { visitor, seen });
}

if (isMainThread) {
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 4 };
  const worker = new Worker(new URL(import.meta.url), { name: 'sessions', resourceLimits });
  const browse = traced('GET /article', async () => worker.postMessage(Math.floor(Math.random() * VISITORS)));
  clients(2, 50, browse);
} else {
  const remember = traced('remember', (visitor) => {
    come(visitor);
    return pause(SAVE_MS);
  });
  parentPort.on('message', (visitor) => void remember(visitor));
  // Everybody comes once, and those who come again are not new.
  for (let visitor = 0; visitor < VISITORS; visitor++) {
    come(visitor);
    if (visitor % 4 === 0) await pause(1);
  }
}
