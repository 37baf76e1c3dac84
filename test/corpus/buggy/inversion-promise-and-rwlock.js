/** The keys of async-lock and the writer of a read-write lock, of which a reader is in the way too; between them a promise lock that is in order with both. */
// expects: inversion catalogue, row
// node: 24
import AsyncLock from 'async-lock';
import { Mutex } from 'async-mutex';
import { RwLock } from 'gridwatch/sync';
import { later } from '../crew.js';

const keys = new AsyncLock();
const between = new Mutex();
const catalogue = new RwLock('catalogue');
await catalogue.withReadAsync(() => keys.acquire('row', () => later(5)));
await keys.acquire('row', () => between.runExclusive(() => catalogue.withWriteAsync(() => later(5))));
