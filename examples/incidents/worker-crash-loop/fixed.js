/**
 * The twin of `broken.js` whose worker puts a mail that it cannot read aside, says so, and goes on.
 */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { pause } from '../service.js';

const MAILS = ['{"subject":"hello"}', 'hello', '{"subject":"bye"}'];
const MAIL_EVERY_MS = 300;

function answerTo(mail) {
  try {
    return { subject: JSON.parse(mail).subject };
  } catch (error) {
    return { reason: error.message };
  }
}

async function readFrom(first) {
  for (let at = first; ; at = (at + 1) % MAILS.length) {
    await pause(MAIL_EVERY_MS);
    parentPort.postMessage({ at, ...answerTo(MAILS[at]) });
  }
}

if (isMainThread) {
  const reader = new Worker(new URL(import.meta.url), { name: 'reader' });
  reader.on('message', ({ at, reason }) => {
    if (reason !== undefined) console.log(`mail ${at} is put aside: ${reason}`);
  });
} else {
  await readFrom(0);
}
