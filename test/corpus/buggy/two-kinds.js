/** A mutex and a semaphore with one permit. */
// expects: deadlock printer, queue
import { Mutex, Semaphore } from 'gridwatch/sync';
import { crew } from '../crew.js';

const queue = new Mutex('queue');
const printer = new Semaphore('printer', { permits: 1 });
await crew(import.meta.url, {
  spooler: ({ meet }) => queue.withLock(() => [meet(), printer.acquire()]),
  driver: ({ meet }) => printer.withLock(() => [meet(), queue.acquire()]),
});
