/**
 * The catalogue: every product as JSON text, once, in shared memory, with a table of where each product begins.
 * Written by the main thread before the workers start, only read afterwards, so no lock is needed. It shows what
 * shared memory is good at: a page is served, and a price read, without parsing, copying or asking another thread.
 */
import { randomNumbers } from './random.js';

export const PRODUCT_COUNT = 4_000;
const REVIEWS_PER_PRODUCT = 10;
const WORDS = 'solid light quiet sturdy plain quick warm bright steady small large old new fair honest useful'.split(
  ' ',
);

/** Returns `{ text, offsets, prices }`, each on a SharedArrayBuffer, so that workers receive them without a copy. */
export function createCatalogue() {
  const random = randomNumbers(42);
  const prices = new Uint32Array(new SharedArrayBuffer(PRODUCT_COUNT * 4)); // in cents
  const offsets = new Uint32Array(new SharedArrayBuffer((PRODUCT_COUNT + 1) * 4));
  const products = [];
  let lengthBytes = 1; // the opening bracket
  for (let id = 0; id < PRODUCT_COUNT; id++) {
    prices[id] = 100 + Math.floor(random() * 20_000);
    offsets[id] = lengthBytes;
    products.push(JSON.stringify(createProduct(id, prices[id], random)));
    lengthBytes += products[id].length + 1; // the comma after it; all of the text is ASCII
  }
  offsets[PRODUCT_COUNT] = lengthBytes;
  const text = Buffer.from(new SharedArrayBuffer(lengthBytes));
  text.write(`[${products.join(',')}]`, 'latin1');
  return { text, offsets, prices };
}

/** The bytes of the products from `first` up to, but not including, `end`: a view of the shared text, not a copy. */
export function productBytes({ text, offsets }, first, end) {
  return text.subarray(offsets[first], offsets[end] - 1);
}

function createProduct(id, priceCents, random) {
  const words = (count) => Array.from({ length: count }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
  const reviews = Array.from({ length: REVIEWS_PER_PRODUCT }, () => ({
    stars: 1 + Math.floor(random() * 5),
    text: words(24),
  }));
  return { id, name: `${words(2)} thing ${id}`, priceCents, description: words(40), reviews };
}
