/** Tasks of one limit run tasks of another, and all are more than both. */
// expects: nothing
import pLimit from 'p-limit';
import { later } from '../crew.js';

const [pages, images] = [pLimit(2), pLimit(3)];
const page = () => pages(() => Promise.all(Array.from({ length: 4 }, () => images(() => later(5)))));
await Promise.all(Array.from({ length: 8 }, page));
