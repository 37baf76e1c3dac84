/** A queue of one place: consumers wait in a loop, producers notify with and without listeners. */
// expects: nothing
import { Condition, Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [mutex, isChanged] = [new Mutex('place'), new Condition('changed')];
const exchange =
  (from, to) =>
  ({ shared }) => {
    for (let i = 0; i < 200; i++) {
      mutex.withLock(() => {
        while (shared.place[0] !== from) isChanged.wait(mutex);
        shared.place[0] = to;
        isChanged.notifyAll();
      });
    }
  };
const parts = { producer: exchange(0, 1), consumer: exchange(1, 0) };
await crew(import.meta.url, parts, { place: new Int32Array(new SharedArrayBuffer(4)) });
