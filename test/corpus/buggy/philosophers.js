/** Five threads at a round table, each with the fork at its left. */
// expects: deadlock fork-0, fork-1, fork-2, fork-3, fork-4
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const forks = [0, 1, 2, 3, 4].map((seat) => new Mutex(`fork-${seat}`));
const dine =
  (seat) =>
  ({ meet }) => {
    forks[seat].acquire();
    meet();
    forks[(seat + 1) % 5].acquire();
  };
await crew(import.meta.url, { plato: dine(0), hume: dine(1), kant: dine(2), arendt: dine(3), mill: dine(4) });
