/**
 * The load generator: shoppers who wait for an answer before they go on (a closed loop), and every few seconds a burst
 * that does not wait for anybody (an open loop). Runs in a process of its own and tells its parent one line at the
 * end. It never has more than 64 requests under way: what would be more is counted, not sent.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PRODUCT_COUNT } from './catalogue.js';
import { randomNumbers } from './random.js';
import { readSettings } from './settings.js';

const UNDER_WAY_MAX = 64;
const REQUESTS_PER_SHOPPER = 4; // per second, while the answers are quick
const BURST_EVERY_MS = 10_000;
const BURST_MS = 2_500;
const BURST_FACTOR = 8;
const FIRST_BURST_MS = 4_000;
const ANSWER_MAX_MS = 15_000;

const { loadMs, ratePerSecond, seed } = readSettings(process.env).settings;
const url = process.argv[2];
const agent = new Agent({ keepAlive: true, maxSockets: UNDER_WAY_MAX });
const beganMs = performance.now();
const elapsedMs = () => performance.now() - beganMs;
const counts = { answered: 0, failed: 0, notSent: 0 };
let underWay = 0;

/** Sends one request and waits for the whole answer. What is asked for depends on the random numbers alone. */
async function send(random) {
  const [method, path, body] = chooseRequest(random);
  if (underWay === UNDER_WAY_MAX) {
    counts.notSent++;
    return;
  }
  underWay++;
  const status = await exchange(method, path, body);
  underWay--;
  if (status === 0 || status >= 500) counts.failed++;
  else counts.answered++;
}

function chooseRequest(random) {
  const kind = random();
  const number = Math.floor(random() * PRODUCT_COUNT);
  if (kind < 0.6) return ['GET', `/products?page=${number % 200}`];
  if (kind < 0.85) return ['POST', '/orders', JSON.stringify({ productId: number, quantity: 1 + (number % 3) })];
  if (kind < 0.94) return ['GET', `/search?text=${['warm', 'solid', 'quick'][number % 3]}`];
  return ['GET', `/report?days=${10 + (number % 30)}`];
}

/** The status of the answer once all of it has come, or 0 if it did not come. */
function exchange(method, path, body) {
  return new Promise((resolve) => {
    const outgoing = request(url + path, { method, agent, timeout: ANSWER_MAX_MS }, (response) => {
      response.on('close', () => resolve(response.complete ? response.statusCode : 0)).resume();
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(0));
    outgoing.end(body);
  });
}

/** A closed loop: an answer, a pause for thought, the next request. */
async function shop(index) {
  const random = randomNumbers(seed + index);
  while (elapsedMs() < loadMs) {
    await sleep(Math.min(pauseMs(random, REQUESTS_PER_SHOPPER), 1_000));
    await send(random);
  }
}

/** An open loop: every few seconds arrivals at their own times, whether or not the shop keeps up. */
async function bursts() {
  const random = randomNumbers(seed - 1);
  for (let startMs = FIRST_BURST_MS; startMs < loadMs; startMs += BURST_EVERY_MS) {
    const sent = [];
    const endMs = Math.min(startMs + BURST_MS, loadMs);
    for (let atMs = startMs; atMs < endMs; atMs += pauseMs(random, ratePerSecond * BURST_FACTOR)) {
      const earlyMs = atMs - elapsedMs();
      if (earlyMs > 0) await sleep(earlyMs);
      sent.push(send(random));
    }
    await Promise.all(sent);
  }
}

/** The time to the next of random events that come so many times a second on average. */
function pauseMs(random, perSecond) {
  return (-Math.log(1 - random()) / perSecond) * 1_000;
}

process.on('disconnect', () => process.exit()); // the shop is ending, and this load with it
process.on('SIGINT', () => {}); // Ctrl-C reaches both processes; the shop decides
const shoppers = Math.ceil(ratePerSecond / REQUESTS_PER_SHOPPER);
await Promise.all([bursts(), ...Array.from({ length: shoppers }, (_, index) => shop(index))]);
agent.destroy();
const { answered, failed, notSent } = counts;
process.send(
  `${answered} requests answered, ${failed} failed, ${notSent} not sent because ${UNDER_WAY_MAX} were under way.`,
  () => process.disconnect(),
);
