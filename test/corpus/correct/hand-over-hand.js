/** A list is walked by several threads, each with at most two neighbours locked. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const nodes = Array.from({ length: 20 }, (_, i) => new Mutex(`node-${i}`));
const walk = () => {
  for (let round = 0; round < 50; round++) {
    let lease = nodes[0].acquire();
    for (const node of nodes.slice(1)) {
      const next = node.acquire();
      lease.release();
      lease = next;
    }
    lease.release();
  }
};
await crew(import.meta.url, { main: walk, north: walk, south: walk });
