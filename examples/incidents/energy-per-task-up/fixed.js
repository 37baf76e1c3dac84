/**
 * The twin of `broken.js`, from before its deployment: the key is derived at the start.
 */
import { createHmac, pbkdf2Sync } from 'node:crypto';
import PQueue from 'p-queue';
import { clients } from '../service.js';

const ITERATIONS = 100_000;
const letters = new PQueue({ concurrency: 1 });

const key = pbkdf2Sync('secret', 'salt', ITERATIONS, 32, 'sha256');

const write = async (number) => createHmac('sha256', key).update(`letter ${number}`).digest('hex');

clients(1, 300, (_, number) => letters.add(() => write(number)));
