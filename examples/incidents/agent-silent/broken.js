/**
 * GridwatchAgentSilent: a service takes jobs from a broker, which ends its connection a little more than once in an hour. The service then puts away what belongs to a
 * connection, and makes a new one. The agent is among what it puts away: from then on it works unseen, and sends no metrics of its own by which anybody could tell.
 *
 * The way out is `fixed.js`: the agent belongs to the process, and ends with it.
 */
import { shutdown } from 'gridwatch';
import { pause } from '../service.js';

const CONNECTION_MS = Number(process.env.CONNECTION_MS ?? 4_000_000);
const JOB_EVERY_MS = 200;

/** What the broker sends, until it ends the connection. */
async function* jobs() {
  for (const startedMs = performance.now(); performance.now() - startedMs < CONNECTION_MS; ) {
    await pause(JOB_EVERY_MS);
    yield { size: 1000 };
  }
}

const work = ({ size }) => Array.from({ length: size }, (_, at) => Math.sqrt(at)).length;

for (;;) {
  for await (const job of jobs()) work(job);
  // A mistake to find: the connection has ended, and not the process.
  await shutdown();
}
