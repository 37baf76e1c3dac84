/** Eight threads queue for a lock that is held for no time at all. */
// expects: finding convoy counter
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const counter = new Mutex({ name: 'counter', fair: true });
const count = ({ meet }) => {
  meet();
  for (const end = Date.now() + 15_000; Date.now() < end; ) counter.withLock(() => {});
};
const names = Array.from({ length: 8 }, (_, i) => `counter-${i}`);
await crew(import.meta.url, Object.fromEntries(names.map((name) => [name, count])));
