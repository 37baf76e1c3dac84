/**
 * A small shop: a real HTTP service with its own OpenTelemetry SDK, a piscina pool, state shared between threads, and
 * a bursty load generator. This file is the main thread: it serves, starts the others, and ends them. It runs without
 * Gridwatch as well; nothing here knows of it. The variables it reads are listed in settings.js.
 *
 *     GET  /products?page=3     a page of the catalogue, straight from shared memory: cheap, and it shows as nothing
 *     GET  /search?text=warm    parses the whole catalogue on this thread: `v8js.gc.duration` and, in a burst, no
 *                               `idle` left in `gridwatch.thread.state.time` of `main`
 *     GET  /report?days=30      CPU and garbage in the pool: `gridwatch.thread.cpu.time` of workers and `v8`
 *     POST /orders              {"productId": 7, "quantity": 1}: takes it from the shared stock, under a lock (lock.js)
 *     GET  /stock               how many units the shop had at first, and has now
 */

import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { json } from 'node:stream/consumers';
import { trace } from '@opentelemetry/api';
import { Piscina } from 'piscina';
import { createCatalogue, PRODUCT_COUNT, productBytes } from './catalogue.js';
import { readSettings } from './settings.js';
import { sdk } from './telemetry.js';

const PAGE_LENGTH = 20;
const ORDER_MAX_BYTES = 1_024;
const POOL_MAX_THREADS = 8; // enough to see; a worker for each core of a large machine would outgrow the load
const STOP_DEADLINE_MS = 3_000; // the SDK waits up to ten seconds for a collector that is gone

const { settings, problems } = readSettings(process.env);
if (problems.length > 0) {
  for (const problem of problems) console.error(`shop: ${problem}`);
  process.exit(1);
}

const catalogue = createCatalogue();
const stock = new Int32Array(new SharedArrayBuffer((PRODUCT_COUNT + 1) * 4)); // the last word is its lock
stock.fill(settings.unitsPerProduct, 0, PRODUCT_COUNT);

const threadCount = Math.min(Math.max(availableParallelism(), 2), POOL_MAX_THREADS);
const pool = new Piscina({
  filename: new URL('./tasks.js', import.meta.url).href,
  workerData: { prices: catalogue.prices, stock },
  minThreads: 1, // the others start when a request finds none free, and `worker.start` is a span inside that request
  maxThreads: threadCount,
  idleTimeout: Infinity,
  maxQueue: 1_000,
});

const routes = {
  'GET /products': async ({ query }) => {
    const page = wholeNumber(query.get('page') ?? '0', 0, PRODUCT_COUNT / PAGE_LENGTH - 1, 'page');
    const first = page * PAGE_LENGTH;
    return [200, `[${productBytes(catalogue, first, first + PAGE_LENGTH)}]`];
  },

  // A mistake to find: eight megabytes of JSON are parsed for every search, on the one thread that serves everybody.
  'GET /search': async ({ query }) => {
    const text = (query.get('text') ?? '').toLowerCase();
    const products = JSON.parse(catalogue.text.toString('latin1'));
    const found = products.filter((product) => product.description.includes(text));
    return [200, { found: found.length, first: found.slice(0, 10).map(({ id, name }) => ({ id, name })) }];
  },

  'GET /report': async ({ query }) => {
    const days = wholeNumber(query.get('days') ?? '30', 1, 90, 'days');
    return [200, await pool.run({ days }, { name: 'report' })];
  },

  'POST /orders': async ({ request }) => {
    const hasGoodLength = Number(request.headers['content-length']) <= ORDER_MAX_BYTES;
    const order = hasGoodLength ? await json(request).catch(() => null) : null;
    const productId = wholeNumber(order?.productId, 0, PRODUCT_COUNT - 1, 'productId');
    const quantity = wholeNumber(order?.quantity, 1, 100, 'quantity');
    const result = await pool.run({ productId, quantity }, { name: 'reserve' });
    return [result.isReserved ? 201 : 409, result];
  },

  'GET /stock': async () => {
    const left = stock.subarray(0, PRODUCT_COUNT).reduce((sum, units) => sum + units, 0);
    return [200, { initially: PRODUCT_COUNT * settings.unitsPerProduct, left }];
  },
};

const server = createServer((request, response) => void serve(request, response));
// Longer than any client keeps a connection: one that is closed while a request is on its way costs that request.
server.keepAliveTimeout = 65_000;

async function serve(request, response) {
  const [status, body] = await answer(request);
  if (isStopping) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function answer(request) {
  const url = URL.parse(request.url, 'http://shop');
  const route = `${request.method} ${url?.pathname}`;
  if (!Object.hasOwn(routes, route)) return [404, { error: 'There is no such page.' }];
  trace.getActiveSpan()?.updateName(route).setAttribute('http.route', url.pathname);
  try {
    return await routes[route]({ request, query: url.searchParams });
  } catch (error) {
    if (error instanceof BadRequest) return [400, { error: error.message }];
    if (!isStopping) console.error(`shop: ${route} failed:`, error);
    return [500, { error: 'The shop made a mistake.' }];
  }
}

class BadRequest extends Error {}

function wholeNumber(value, min, max, name) {
  const number = Number(value);
  if (value !== '' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new BadRequest(`${name} must be a whole number from ${min} to ${max}.`);
}

/** Starts the load generator in a process of its own and without an agent, so that what is seen is the shop alone. */
function startLoad(url) {
  const child = fork(new URL('./load.js', import.meta.url), [url], {
    execArgv: [],
    env: { ...process.env, GRIDWATCH_ENABLED: 'false' },
  });
  child.on('message', (summary) => console.log('shop:', summary));
  child.on('exit', (code, signal) => {
    if (code !== 0 && !isStopping) {
      console.error(`shop: the load generator ended with ${signal ?? `exit code ${code}`}.`);
      process.exitCode = 1;
    }
    void stop();
  });
  return child;
}

/** Answers what is under way, then ends everything; the process ends by itself when nothing is left to do. */
async function stop() {
  if (isStopping) return;
  isStopping = true;
  setTimeout(() => process.exit(), STOP_DEADLINE_MS).unref();
  if (load?.connected) load.disconnect();
  await new Promise((resolve) => server.close(resolve));
  await Promise.all([pool.destroy(), sdk.shutdown().catch(() => {})]);
}

let load;
let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void stop());
server.on('error', (error) => {
  console.error(`shop: it cannot listen on port ${settings.port}: ${error.message}`);
  process.exit(1);
});
server.listen(settings.port, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  if (settings.hasLoad) load = startLoad(url);
  const end = settings.hasLoad
    ? `${settings.loadMs / 1000} s of load, then it ends; Ctrl-C ends it now`
    : 'Ctrl-C ends it';
  console.log(`shop: ${url}, up to ${threadCount} workers; ${end}.`);
});
