/**
 * The run on a terminal: the live view on the alternate screen, the program's output in a pane of it, and afterwards that
 * output in full and the report. Runs in the process of `gridwatch run --ui`. If drawing fails, the terminal is given back
 * and the program's output simply passes through: the program must never suffer from its view.
 */
import { writeSync } from 'node:fs';
import { lookOf } from './paint.ts';
import { type OutputStream, ProgramOutput } from './program-output.ts';
import { Screen } from './screen.ts';
import { type Frame, renderFrame } from './view.ts';

const FDS = { stdout: 1, stderr: 2 } as const;

export class LiveDisplay {
  readonly intervalMs = 500;
  readonly #screen = new Screen(FDS.stdout);
  readonly #output = new ProgramOutput();
  #isUp = false;

  /** Takes the screen, and sees to it that it is given back. */
  open(): void {
    this.#isUp = true;
    this.#screen.open();
    process.once('exit', () => this.#screen.close());
    // Ctrl-Z: the shell needs its screen, and the view comes back with `fg`.
    process.on('SIGTSTP', () => {
      this.#screen.close();
      process.kill(process.pid, 'SIGSTOP');
    });
    process.on('SIGCONT', () => {
      if (this.#isUp) this.#screen.open();
    });
  }

  /** The program's output: to the pane while the view is up, straight through otherwise. */
  write(stream: OutputStream, bytes: Buffer): void {
    if (this.#isUp) this.#output.add(stream, bytes);
    else writeThrough(stream, bytes);
  }

  show(frame: Omit<Frame, 'output'>): void {
    if (!this.#isUp) return;
    const look = lookOf(process.stdout, process.env);
    this.#screen.draw(renderFrame({ ...frame, output: this.#output.lines }, look));
  }

  /** Gives the screen back and prints what the program wrote meanwhile. */
  close(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#screen.close();
    this.#output.replay(writeThrough);
  }

  /** The last words, after `close`. */
  report(lines: readonly string[]): void {
    writeThrough('stdout', Buffer.from(`\n${lines.join('\n')}\n`));
  }
}

function writeThrough(stream: OutputStream, bytes: Buffer): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(FDS[stream], bytes, at);
  } catch {
    // The terminal has gone away: there is nobody left to read it.
  }
}
