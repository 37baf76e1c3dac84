/**
 * GridwatchHeapNearLimit: a worker keeps the session of everybody who has ever come, in a heap that was made for fewer. It gets fuller and fuller, is nearly full for a long
 * time, since fewer and fewer are new, and one day the worker ends.
 *
 * The way out is `fixed.js`: whoever has not been seen for longest is forgotten.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { pause } from '../service.js';

const HEAP_MB = 64;
const ARTICLES = 20;
const VISITORS = 52_500;

const sessions = new Map();

function come(visitor) {
  // A mistake to find: nobody is ever forgotten.
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
