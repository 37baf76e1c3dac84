/**
 * The twin of `broken.js` whose main thread is free while a thread of libuv's pool computes.
 */
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { clients } from '../service.js';

const ITERATIONS = 3_000_000;
const derive = promisify(pbkdf2);

async function check(password) {
  const hash = await derive(password, 'salt', ITERATIONS, 32, 'sha256');
  return hash.toString('hex');
}

clients(1, 800, () => check('secret'));
