/** Three threads meet at a barrier after each phase, one of them late. */
// expects: nothing
import { Barrier } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const phase = new Barrier('phase', { parties: 3 });
const work = (ms) => () => {
  for (let i = 0; i < 10; i++) {
    pause(ms);
    phase.wait();
  }
};
await crew(import.meta.url, { main: work(0), quick: work(1), slow: work(60) });
