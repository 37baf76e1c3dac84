/**
 * The twin of `broken.js` in which a server that does not answer costs half a second, and no more.
 */
import PQueue from 'p-queue';
import { clients, pause } from '../service.js';

const PATIENCE_MS = 500;
const previews = new PQueue({ concurrency: 2, timeout: PATIENCE_MS });

/** Every tenth server never answers. */
const fetchPage = (number) => pause(number % 10 === 0 ? 3_600_000 : 30);

clients(6, 50, (_, number) => previews.add(() => fetchPage(number)));
