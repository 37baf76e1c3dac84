/** Two readers on two threads want to become the writer: each waits for the other to stop reading. */
// expects: deadlock catalogue
import { RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const catalogue = new RwLock('catalogue');
const upgrade = ({ meet }) =>
  catalogue.withReadAsync(async () => {
    meet();
    await catalogue.withWriteAsync(() => {});
  });
await crew(import.meta.url, { search: upgrade, import: upgrade });
