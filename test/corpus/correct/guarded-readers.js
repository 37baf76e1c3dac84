/** Readers under the reader's lock, atomics without any, and a part for each thread. */
// expects: nothing
// env: GRIDWATCH_RACES=on
import { guarded, Mutex, RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [prices, parts] = [new RwLock('prices'), new Mutex('parts')];
const work =
  (own) =>
  ({ shared }) => {
    const list = guarded(prices, new Int32Array(shared.list));
    const rows = guarded(parts, new Int32Array(shared.rows));
    for (let i = 0; i < 100; i++) {
      prices.withRead(() => list[0] + list[1]);
      if (i % 10 === 0) prices.withWrite(() => list[1]++);
      rows[own] = i;
      Atomics.add(rows, 8, 1);
    }
  };
const shared = { list: new SharedArrayBuffer(64), rows: new SharedArrayBuffer(64) };
await crew(import.meta.url, { a: work(0), b: work(1) }, shared);
