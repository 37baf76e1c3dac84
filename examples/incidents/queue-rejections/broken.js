/**
 * GridwatchQueueRejections: reminders are sent through a limiter whose queue has a bound. All that are due are submitted at once, again and again. Most of them are
 * refused, and come again a quarter of a second later.
 *
 * The way out is `fixed.js`: no more are submitted than there is room for.
 */
import Bottleneck from 'bottleneck';
import { pause } from '../service.js';

const DUE = 20;
const AGAIN_AFTER_MS = 250;
const MAIL_SERVER_MS = 40;
const mails = new Bottleneck({ maxConcurrent: 1, highWater: 4, strategy: Bottleneck.strategy.OVERFLOW });

const send = async (reminder) => {
  await pause(MAIL_SERVER_MS);
  return reminder;
};

for (let due = []; ; await pause(AGAIN_AFTER_MS)) {
  while (due.length < DUE) due.push({ bill: due.length });
  // A mistake to find: all at once.
  const answers = await Promise.allSettled(due.map((reminder) => mails.schedule(() => send(reminder))));
  due = due.filter((_, at) => answers[at].status === 'rejected');
}
