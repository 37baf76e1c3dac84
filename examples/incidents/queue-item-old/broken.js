/**
 * GridwatchQueueItemOld: previews of web pages are fetched, two at a time. There are servers that never answer, and no time limit: the first two of those keep both
 * places for ever, and the few that wait behind them get old.
 *
 * The way out is `fixed.js`: after half a second a fetch is given up.
 */
import PQueue from 'p-queue';
import { clients, pause } from '../service.js';

const previews = new PQueue({ concurrency: 2 });

/** Every tenth server never answers. */
const fetchPage = (number) => pause(number % 10 === 0 ? 3_600_000 : 30);

// A mistake to find: nothing ends a fetch that has no answer.
clients(6, 50, (_, number) => previews.add(() => fetchPage(number)));
