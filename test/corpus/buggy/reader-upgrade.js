// Two readers each want to become the writer: each waits for the other to stop reading.
// expects: deadlock catalogue
import { RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const catalogue = new RwLock('catalogue');
const upgrade = ({ meet }) => {
  catalogue.acquireRead();
  meet();
  catalogue.acquireWrite();
};
await crew(import.meta.url, { search: upgrade, import: upgrade });
