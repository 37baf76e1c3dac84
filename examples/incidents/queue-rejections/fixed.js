/**
 * The twin of `broken.js` in which a reminder is submitted when another has been sent, so that there is always room.
 */
import Bottleneck from 'bottleneck';
import { clients, pause } from '../service.js';

const AT_ONCE = 4;
const MAIL_SERVER_MS = 40;
const mails = new Bottleneck({ maxConcurrent: 1, highWater: 4, strategy: Bottleneck.strategy.OVERFLOW });

const send = async (reminder) => {
  await pause(MAIL_SERVER_MS);
  return reminder;
};

clients(AT_ONCE, 50, (client, number) => mails.schedule(() => send({ bill: number * AT_ONCE + client })));
