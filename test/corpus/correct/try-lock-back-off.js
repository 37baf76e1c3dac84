/** Opposite orders, but the second lock is only tried. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const [left, right] = [new Mutex('left'), new Mutex('right')];
const both =
  (first, second) =>
  ({ meet }) => {
    meet();
    for (let done = 0; done < 100; ) {
      const outer = first.acquire();
      const inner = second.tryAcquire();
      if (inner !== undefined) done++;
      inner?.release();
      outer.release();
      if (inner === undefined) pause(Math.random());
    }
  };
await crew(import.meta.url, { east: both(left, right), west: both(right, left) });
