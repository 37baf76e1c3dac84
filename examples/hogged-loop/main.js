/**
 * Demonstrates CPU-bound work that starves I/O: a server answers small requests from memory, and now and then somebody asks it for a password hash. While the
 * thread computes that, nobody else is answered: their requests lie in the socket, and no metric of the server says so, since its clock starts when it reads them.
 *
 * What shows it: `nodejs.eventloop.delay.p99` of `main`, the spans `eventloop.blocked`, and `gridwatch.thread.state.time` of `main`, most of it `running`. With
 * HOGGED_WHERE=worker the same work is done by a thread of its own, and all of that is gone; with HOGGED_WHERE=libuv by Node's own pool
 * (`gridwatch.pool.utilization` of `libuv`).
 *
 *     node --require gridwatch/register examples/hogged-loop/main.js
 *
 * It lasts as many seconds as HOGGED_SECONDS says (10), and ends with what the clients of the small requests have seen.
 */
import { pbkdf2, pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { promisify } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const SECONDS = Number(process.env.HOGGED_SECONDS ?? 10);
const WHERE = process.env.HOGGED_WHERE ?? 'main';
const ITERATIONS = 1_500_000;
const SMALL_EVERY_MS = 10;
const HASH_EVERY_MS = 500;

const hash = (password) => pbkdf2Sync(password, 'salt', ITERATIONS, 32, 'sha256');
const ways = {
  /** A mistake to find. */
  main: async (password) => hash(password),
  libuv: async (password) => promisify(pbkdf2)(password, 'salt', ITERATIONS, 32, 'sha256'),
  worker: async (password) => {
    hasher.postMessage(password);
    const [found] = await once(hasher, 'message');
    return Buffer.from(found);
  },
};
let hasher;

async function ask(port, path) {
  const startedMs = performance.now();
  const [response] = await once(get({ port, path, agent: false }), 'response');
  response.resume();
  await once(response, 'end');
  return performance.now() - startedMs;
}

async function serve() {
  if (!Object.hasOwn(ways, WHERE))
    throw new Error(`HOGGED_WHERE=${WHERE}: it is one of ${Object.keys(ways).join(', ')}`);
  if (WHERE === 'worker') hasher = new Worker(new URL(import.meta.url), { name: 'hasher' });
  const server = createServer(({ url }, response) => {
    if (url === '/') response.end('hello');
    else
      ways[WHERE]('secret').then(
        (found) => response.end(found.toString('hex')),
        () => response.destroy(),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  /* The clients are a thread of their own, because on this one their clocks would stand still together with the server. */
  const clients = new Worker(new URL(import.meta.url), { name: 'clients', argv: [String(server.address().port)] });
  const [{ small, hashes }] = await once(clients, 'message');
  server.close();
  await hasher?.terminate();
  const at = (fraction) => small[Math.floor((small.length - 1) * fraction)].toFixed(1);
  console.log(
    `${hashes} hashes on ${WHERE}; ${small.length} small requests: median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`,
  );
}

/** Asks for small things often and for a hash now and then, until the time is up. */
async function beClients(port) {
  const small = [];
  const open = [];
  let hashes = 0;
  const timers = [
    setInterval(() => open.push(ask(port, '/').then((ms) => small.push(ms))), SMALL_EVERY_MS),
    setInterval(() => open.push(ask(port, '/hash').then(() => hashes++)), HASH_EVERY_MS),
  ];
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  for (const timer of timers) clearInterval(timer);
  await Promise.all(open);
  parentPort.postMessage({ small: small.toSorted((a, b) => a - b), hashes });
}

if (isMainThread) await serve();
else if (process.argv[2] === undefined) parentPort.on('message', (password) => parentPort.postMessage(hash(password)));
else await beClients(Number(process.argv[2]));
