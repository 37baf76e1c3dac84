/**
 * The twin of `broken.js` that remembers as many visitors as there is room for, and forgets whoever has not been seen for longest.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { pause } from '../service.js';

const HEAP_MB = 64;
const ARTICLES = 20;
const VISITORS = 52_500;
const MOST_SESSIONS = 5000;

const sessions = new Map();

function come(visitor) {
  // Whoever comes again is the youngest of the map, too.
  sessions.delete(visitor);
  if (sessions.size >= MOST_SESSIONS) sessions.delete(sessions.keys().next().value);
  const basket = Array.from({ length: ARTICLES }, (_, article) => ({ article, count: 1 }));
  sessions.set(visitor, { visitor, basket });
}

if (isMainThread) {
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 4 };
  new Worker(new URL(import.meta.url), { name: 'sessions', resourceLimits });
} else {
  for (let visitor = 1; visitor <= VISITORS; visitor++) {
    come(visitor);
    if (visitor % 20 === 0) await pause(1);
  }
  for (;;) await pause(1000);
}
