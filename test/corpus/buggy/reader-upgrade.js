/** A reader wants to become the writer inside of its read: it waits for itself. */
// expects: deadlock catalogue
import { RwLock } from 'gridwatch/sync';

const catalogue = new RwLock('catalogue');
await catalogue.withReadAsync(async () => {
  await catalogue.withWriteAsync(() => {});
});
