/**
 * The twin of `broken.js` in which a change of a price makes no garbage.
 */
import { clients } from '../service.js';

const ARTICLES = 150_000;
const catalogue = Array.from({ length: ARTICLES }, (_, number) => ({ number, price: number % 100 }));

async function changePrice(number, price) {
  catalogue[number].price = price;
}

clients(1, 10, (_, number) => changePrice(number % ARTICLES, number % 100));
