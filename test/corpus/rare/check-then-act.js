/** Each step has the lock, but not the two together: what the other writes in between is lost. */
// expects: exit 3
import { Mutex } from 'gridwatch/sync';
import { crew, spin } from '../crew.js';

const total = new Mutex('total');
const count =
  (lateMs) =>
  ({ meet, shared }) => {
    for (let round = 0; round < 5; round++) {
      meet();
      spin(lateMs);
      const seen = total.withLock(() => shared.count[0]);
      total.withLock(() => (shared.count[0] = seen + 1));
    }
  };
const shared = { count: new Int32Array(new SharedArrayBuffer(4)) };
await crew(import.meta.url, { early: count(0), late: count(4) }, shared);
if (shared.count[0] !== 10) process.exitCode = 3;
