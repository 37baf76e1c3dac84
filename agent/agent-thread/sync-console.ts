/**
 * The agent thread's console: every line is one synchronous write to the process's own descriptors.
 *
 * Runs on the agent thread. A worker's `process.stdout` and `process.stderr` go through the main thread, which may be the one that is stuck.
 * Only exporters that the user asked for (OTEL_*_EXPORTER=console) write to stdout.
 */
import { Console } from 'node:console';
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';

export function createSyncConsole(): Console {
  return new Console({ stdout: writableTo(1), stderr: writableTo(2) });
}

function writableTo(descriptor: number): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      try {
        writeSync(descriptor, chunk);
      } catch {
        /* A closed or full pipe: the line is lost, the program is not. */
      }
      done();
    },
  });
}
