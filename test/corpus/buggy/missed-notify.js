/** A consumer waits without looking: it was notified before. */
// expects: finding lost_wakeup ready
import { Condition, Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [mutex, isReady] = [new Mutex('inbox'), new Condition('ready')];
await crew(import.meta.url, {
  producer({ meet }) {
    isReady.notifyOne();
    meet();
  },
  consumer({ meet }) {
    meet();
    mutex.withLock(() => isReady.wait(mutex));
  },
});
