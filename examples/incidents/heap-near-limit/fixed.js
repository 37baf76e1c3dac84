/**
 * The twin of `broken.js` that remembers as many visitors as there is room for, and forgets whoever has not been seen for longest.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { clients, pause } from '../service.js';
import { traced } from '../tracing.js';

const HEAP_MB = 128;
const ARTICLES = 200;
const VISITORS = 10_500;
const SAVE_MS = 50;
const MOST_SESSIONS = 1000;

const sessions = new Map();

function come(visitor) {
  // Whoever comes again is the youngest of the map, too.
  sessions.delete(visitor);
  if (sessions.size >= MOST_SESSIONS) sessions.delete(sessions.keys().next().value);
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
