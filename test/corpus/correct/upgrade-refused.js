/** A blocking upgrade would wait for itself: it is an error, and the program goes on. */
// expects: nothing
import { RwLock } from 'gridwatch/sync';

const catalogue = new RwLock('catalogue');
catalogue.withRead(() => {
  try {
    catalogue.acquireWrite();
  } catch (error) {
    if (error.code !== 'ERR_GRIDWATCH_LOCK_REENTRY') throw error;
  }
});
catalogue.withWrite(() => {});
