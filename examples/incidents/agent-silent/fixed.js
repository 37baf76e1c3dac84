/**
 * The twin of `broken.js` that leaves the agent alone when a connection ends.
 */
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
}
