/** Two promise locks, always in the same order, by many. */
// expects: nothing
import { Mutex } from 'async-mutex';
import { later } from '../crew.js';

const [outer, inner] = [new Mutex(), new Mutex()];
await Promise.all(Array.from({ length: 20 }, () => outer.runExclusive(() => inner.runExclusive(() => later(2)))));
