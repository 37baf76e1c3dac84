/**
 * GridwatchEnergyPerTaskUp: letters are made from a template, one task of a queue for each. Since the last deployment the key that signs them is derived anew for each letter.
 * Nobody is slowed down by it, and each letter takes many times the energy.
 *
 * It is a change, so it takes a while: `fixed.js` is the version before, of the same service. The way out is that: the key is derived once.
 */
import { createHmac, pbkdf2Sync } from 'node:crypto';
import PQueue from 'p-queue';
import { clients } from '../service.js';

const ITERATIONS = 100_000;
const letters = new PQueue({ concurrency: 1 });

// A mistake to find: for each letter.
const key = () => pbkdf2Sync('secret', 'salt', ITERATIONS, 32, 'sha256');

const write = async (number) => createHmac('sha256', key()).update(`letter ${number}`).digest('hex');

clients(1, 300, (_, number) => letters.add(() => write(number)));
