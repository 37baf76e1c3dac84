/**
 * What the incidents have in common: requests that somebody sends, and what a service waits for that is not in this repository, a database or a disk. Nothing in
 * here is a mistake. It runs on whatever thread calls it.
 */

/** Resolves after so many milliseconds: a database, a remote service. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Blocks its thread for so many milliseconds, and uses no CPU: a driver without an asynchronous form. */
export function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** So many clients, each of which sends a request, waits for the answer, thinks for a while, and sends the next: for ever. An error is an answer, too. */
export function clients(count, thinkMs, request) {
  /* As a server's socket does, it keeps the process alive. */
  setInterval(() => {}, 60_000);
  for (let client = 0; client < count; client++) void beClient(client, thinkMs, request);
}

async function beClient(client, thinkMs, request) {
  for (let number = 1; ; number++) {
    try {
      await request(client, number);
    } catch (error) {
      if (number === 1) console.log(`client ${client}: ${error.message}`);
    }
    await pause(thinkMs);
  }
}

/**
 * Clients that do not wait: each tenth of a second they send as many requests as have been answered since the last, and one more, but never more than
 * `most`. So what is too slow for them falls behind as gently on a busy machine as on an idle one.
 */
export function impatientClients(most, request) {
  let answered = most;
  let number = 0;
  setInterval(() => {
    const count = Math.min(answered + 1, most);
    answered = 0;
    for (let sent = 0; sent < count; sent++) {
      void request(++number).then(() => answered++);
    }
  }, 100);
}
