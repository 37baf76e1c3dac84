/** A consumer waits long for the first item: nothing is wrong with that. */
// expects: nothing
import { Condition, Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const [mutex, isReady] = [new Mutex('inbox'), new Condition('ready')];
const parts = {
  consumer: ({ shared }) =>
    mutex.withLock(() => {
      while (shared.ready[0] === 0) isReady.wait(mutex);
    }),
  producer({ shared }) {
    pause(1200);
    mutex.withLock(() => {
      shared.ready[0] = 1;
      isReady.notifyOne();
    });
  },
};
await crew(import.meta.url, parts, { ready: new Int32Array(new SharedArrayBuffer(4)) });
