/** A lock is taken by one and given back by another, as its bare calls allow. */
// expects: nothing
import { Mutex } from 'async-mutex';
import { later } from '../crew.js';

const turn = new Mutex();
for (let round = 0; round < 10; round++) {
  const release = await turn.acquire();
  setTimeout(release, 20);
  await turn.waitForUnlock();
  await later(1);
}
