/** Many readers, now and then a writer. */
// expects: nothing
import { RwLock } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const catalogue = new RwLock('catalogue');
const read = () => {
  for (let i = 0; i < 100; i++) catalogue.withRead(() => pause(0.5));
};
const write = () => {
  for (let i = 0; i < 20; i++) catalogue.withWrite(() => pause(1));
};
await crew(import.meta.url, { 'reader-1': read, 'reader-2': read, 'reader-3': read, writer: write });
