/**
 * The twin of `broken.js` in which a change of a price makes no garbage.
 */
import { clients, pause } from '../service.js';
import { traced } from '../tracing.js';

const ARTICLES = 200_000;
const SAVE_MS = 10;
const catalogue = Array.from({ length: ARTICLES }, (_, number) => ({ number, price: number % 100 }));

async function changePrice(number, price) {
  catalogue[number].price = price;
  await pause(SAVE_MS);
}

const serve = traced('PUT /price', changePrice);
clients(2, 10, (_, number) => serve(number % ARTICLES, number % 100));
