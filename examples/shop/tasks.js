/**
 * What the pool's workers do. It demonstrates a critical section that is too long, and garbage made faster than a
 * young generation can swallow. Seen in: `gridwatch.thread.state.time` of `worker-1`, `worker-2` and so on, and
 * `gridwatch.thread.cpu.time` of `v8`, whose threads collect the garbage. Between tasks the workers wait for work in
 * `Atomics.wait`, and are `parked`, not busy; Node tells no pauses of threads that wait so.
 */
import { pbkdf2Sync } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { PRODUCT_COUNT } from './catalogue.js';
import { withLock } from './lock.js';
import { randomNumbers } from './random.js';

const { prices, stock } = workerData;
const LINES_PER_DAY = 2_000;
const REPORTS_KEPT = 12;
const reports = [];

/**
 * Takes `quantity` units of a product from the shared stock, if that many are left.
 * A mistake to find: the receipt is signed while the whole stock is locked, although only two lines need the lock.
 */
export function reserve({ productId, quantity }) {
  return withLock(stock, PRODUCT_COUNT, () => {
    const left = stock[productId] - quantity;
    if (left < 0) return { isReserved: false, left: stock[productId] };
    const receipt = pbkdf2Sync(`${productId}x${quantity}`, 'shop', 100_000, 16, 'sha256').toString('hex');
    stock[productId] = left;
    return { isReserved: true, left, receipt };
  });
}

/**
 * The best-selling products of the last days, from made-up order lines.
 * Two mistakes to find: an object and two strings for every line, and reports kept although nobody reads them again.
 */
export function report({ days }) {
  const random = randomNumbers(days);
  const lines = Array.from({ length: days * LINES_PER_DAY }, (_, index) => {
    const productId = Math.floor(random() ** 2 * PRODUCT_COUNT);
    const quantity = 1 + Math.floor(random() * 3);
    return { key: `product-${productId}`, day: `day-${index % days}`, quantity, cents: quantity * prices[productId] };
  });
  reports.push(lines);
  if (reports.length > REPORTS_KEPT) reports.shift();
  const centsByProduct = new Map();
  for (const { key, cents } of lines) centsByProduct.set(key, (centsByProduct.get(key) ?? 0) + cents);
  const best = [...centsByProduct].toSorted(([, a], [, b]) => b - a).slice(0, 10);
  return { days, lines: lines.length, best: best.map(([product, cents]) => ({ product, cents })) };
}
