/** A mutex of shared memory and a Web Lock. */
// expects: deadlock ledger, report
// node: 24
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const ledger = new Mutex('ledger');
await crew(import.meta.url, {
  main: ({ meet }) => navigator.locks.request('report', () => [meet(), ledger.acquire()]),
  async booking({ meet }) {
    /* A wait for a Web Lock does not keep a thread alive. */
    const alive = setInterval(() => {}, 1000);
    await ledger.withLockAsync(async () => {
      meet();
      await navigator.locks.request('report', () => {});
    });
    clearInterval(alive);
  },
});
