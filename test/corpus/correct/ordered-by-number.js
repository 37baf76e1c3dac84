/** Two accounts of one class at once, always the smaller number first. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const transfer =
  (seed) =>
  ({ shared }) => {
    const accounts = shared.handles.map((handle) => Mutex.from(handle));
    for (let i = 0, at = seed; i < 200; i++, at = (at * 7 + 3) % 64) {
      const [a, b] = [at % 8, (at >> 3) % 8].toSorted((x, y) => x - y);
      if (a !== b) accounts[a].withLock(() => accounts[b].withLock(() => {}));
    }
  };
const own = Array.from({ length: 8 }, () => new Mutex());
await crew(import.meta.url, { east: transfer(1), west: transfer(5) }, { handles: own.map(({ handle }) => handle) });
