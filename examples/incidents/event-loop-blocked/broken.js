/**
 * GridwatchEventLoopBlocked: a service checks passwords, and computes the hash of each on its main thread. While it does, it does nothing else: it accepts no
 * connection, reads no request, sends no answer.
 *
 * The way out is `fixed.js`: Node's own pool computes them.
 */
import { pbkdf2Sync } from 'node:crypto';
import { clients } from '../service.js';

const ITERATIONS = 3_000_000;

async function check(password) {
  // A mistake to find: there is the same without `Sync`.
  return pbkdf2Sync(password, 'salt', ITERATIONS, 32, 'sha256').toString('hex');
}

clients(1, 800, () => check('secret'));
