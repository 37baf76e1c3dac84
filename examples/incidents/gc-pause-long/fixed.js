/**
 * The twin of `broken.js` whose index is two arrays of numbers: two objects, whatever is in them.
 */
import { clients } from '../service.js';

const WORDS = 1_000_000;

const pages = Int32Array.from({ length: WORDS }, (_, word) => word % 1000);
const lineNumbers = Uint8Array.from({ length: WORDS }, (_, word) => word % 50);

/** Each answer is made of thousands of strings, and is garbage when it has been sent. */
async function answer(_, number) {
  const lines = Array.from({ length: 12_000 }, (_line, at) => `${pages[(number * 12_000 + at) % WORDS]}: ${at}`);
  return lines.join('\n').length + lineNumbers.length;
}

clients(1, 10, answer);
