/**
 * GridwatchGcFraction: prices change all the time, and each change makes a new catalogue, of which all articles but one are copies of those before. A copy lives until the
 * next change, which is just long enough for V8 to copy it once more: a good part of the time goes into the collection of garbage, and holds up whatever request is under way.
 *
 * The way out is `fixed.js`: the article is changed where it is.
 */
import { clients, pause } from '../service.js';
import { traced } from '../tracing.js';

const ARTICLES = 200_000;
const SAVE_MS = 10;
let catalogue = Array.from({ length: ARTICLES }, (_, number) => ({ number, price: number % 100 }));

async function changePrice(number, price) {
  // A mistake to find: a copy of everything, for one number.
  catalogue = catalogue.map((article) => ({ ...article, price: article.number === number ? price : article.price }));
  await pause(SAVE_MS);
}

const serve = traced('PUT /price', changePrice);
clients(2, 10, (_, number) => serve(number % ARTICLES, number % 100));
