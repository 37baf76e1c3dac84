/** Locks on a buffer of the program, sent as handles. */
// expects: deadlock left, right
import { isMainThread } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const buffer = isMainThread ? new SharedArrayBuffer(4096 * 2) : undefined;
const own = (name, byteOffset) => isMainThread && new Mutex({ name, buffer, byteOffset });
const [left, right] = [own('left', 0), own('right', 4096)];
const take =
  (first, second) =>
  ({ meet, shared }) => {
    Mutex.from(shared[first]).acquire();
    meet();
    Mutex.from(shared[second]).acquire();
  };
const parts = { east: take('left', 'right'), west: take('right', 'left') };
await crew(import.meta.url, parts, { left: left.handle, right: right.handle });
