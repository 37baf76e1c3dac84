/** Channels that are now full, now empty. */
// expects: nothing
import { Channel } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const [raw, done] = [new Channel('raw', { capacity: 2 }), new Channel('done', { capacity: 2 })];
await crew(import.meta.url, {
  reader() {
    for (let i = 0; i < 60; i++) raw.send(i);
  },
  worker() {
    for (let i = 0; i < 60; i++) done.send(raw.receive() * 2);
  },
  writer() {
    for (let i = 0; i < 60; i++) pause(done.receive() % 7 === 0 ? 20 : 0);
  },
});
