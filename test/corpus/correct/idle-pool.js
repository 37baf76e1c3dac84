/** Workers that have nothing to do wait for work for as long as it takes. */
// expects: nothing
import { crew, pause } from '../crew.js';

const idle = ({ shared }) => {
  Atomics.wait(shared.work, 0, 0);
};
const parts = {
  main({ shared }) {
    pause(1500);
    Atomics.store(shared.work, 0, 1);
    Atomics.notify(shared.work, 0);
  },
  'pool-1': idle,
  'pool-2': idle,
  'pool-3': idle,
};
await crew(import.meta.url, parts, { work: new Int32Array(new SharedArrayBuffer(4)) });
