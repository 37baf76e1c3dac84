/**
 * GridwatchGcFraction: prices change all the time, and each change makes a new catalogue, of which all articles but one are copies of those before. A copy lives until the
 * next change, which is just long enough for V8 to copy it once more: a good part of the time goes into the collection of garbage.
 *
 * The way out is `fixed.js`: the article is changed where it is.
 */
import { clients } from '../service.js';

const ARTICLES = 150_000;
let catalogue = Array.from({ length: ARTICLES }, (_, number) => ({ number, price: number % 100 }));

async function changePrice(number, price) {
  // A mistake to find: a copy of everything, for one number.
  catalogue = catalogue.map((article) => ({ ...article, price: article.number === number ? price : article.price }));
}

clients(1, 10, (_, number) => changePrice(number % ARTICLES, number % 100));
