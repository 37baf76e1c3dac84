/** Two permits, two threads that need both and have one. */
// expects: deadlock connections
import { Semaphore } from 'gridwatch/sync';
import { crew } from '../crew.js';

const connections = new Semaphore('connections', { permits: 2 });
const transfer = ({ meet }) => {
  connections.acquire();
  meet();
  connections.acquire();
};
await crew(import.meta.url, { east: transfer, west: transfer });
