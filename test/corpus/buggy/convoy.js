/**
 * Eight threads queue for a lock that is held for no time at all. It goes on until that is told: on a busy machine who is woken does not run, and for as long as the
 * lock changes hands less than a hundred times a second that is what is slow, and not the lock.
 */
// expects: finding convoy counter
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const counter = new Mutex({ name: 'counter', fair: true });
const count = ({ meet }) => {
  meet();
  for (;;) counter.withLock(() => {});
};
const names = Array.from({ length: 8 }, (_, i) => `counter-${i}`);
await crew(import.meta.url, Object.fromEntries(names.map((name) => [name, count])));
