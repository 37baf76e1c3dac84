/** The outer lock is released first, then a third is taken: what is held is what counts. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';

const [a, b, c] = ['a', 'b', 'c'].map((name) => new Mutex(name));
for (let i = 0; i < 100; i++) {
  const first = a.acquire();
  const second = b.acquire();
  first.release();
  const third = c.acquire();
  second.release();
  third.release();
  c.withLock(() => a.withLock(() => {}));
}
