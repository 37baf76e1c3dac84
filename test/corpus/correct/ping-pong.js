/** Two threads wake each other by raw waits, and each waits most of the time. */
// expects: nothing
import { crew, pause } from '../crew.js';

const play =
  (own, other) =>
  ({ shared: { ball } }) => {
    for (let i = 0; i < 10; i++) {
      while (Atomics.load(ball, 0) !== own) Atomics.wait(ball, 0, other);
      pause(40);
      Atomics.store(ball, 0, other);
      Atomics.notify(ball, 0);
    }
  };
await crew(import.meta.url, { ping: play(0, 1), pong: play(1, 0) }, { ball: new Int32Array(new SharedArrayBuffer(4)) });
