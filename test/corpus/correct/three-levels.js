/** Three locks, always from the outside in, by three threads. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [shop, shelf, item] = ['shop', 'shelf', 'item'].map((name) => new Mutex(name));
const work = () => {
  for (let i = 0; i < 200; i++) {
    shop.withLock(() => shelf.withLock(() => item.withLock(() => {})));
    shop.withLock(() => item.withLock(() => {}));
    shelf.withLock(() => item.withLock(() => {}));
  }
};
await crew(import.meta.url, { main: work, east: work, west: work });
