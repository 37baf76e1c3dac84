/**
 * What a program writes while the live view has the screen: its last lines for the pane, and its last bytes unchanged, to
 * be printed once the screen is given back. Runs in the process of `gridwatch run --ui`. It must take everything at once,
 * since a program blocks on a full pipe, and it must stay bounded; what it could not keep it says.
 */
import { StringDecoder } from 'node:string_decoder';
import { printable } from './printable.ts';

export type OutputStream = 'stdout' | 'stderr';

interface Chunk {
  readonly stream: OutputStream;
  readonly bytes: Buffer;
}

const MAX_KEPT_BYTES = 2 ** 20;
const MAX_LINES = 200;
const MAX_LINE_LENGTH = 500;

export class ProgramOutput {
  readonly #chunks: Chunk[] = [];
  readonly #lines: string[] = [];
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  readonly #unfinished = { stdout: '', stderr: '' };
  #keptBytes = 0;
  #forgottenBytes = 0;

  add(stream: OutputStream, bytes: Buffer): void {
    this.#chunks.push({ stream, bytes });
    this.#keptBytes += bytes.length;
    while (this.#keptBytes > MAX_KEPT_BYTES && this.#chunks.length > 1) {
      const forgotten = this.#chunks.shift()?.bytes.length ?? 0;
      this.#keptBytes -= forgotten;
      this.#forgottenBytes += forgotten;
    }
    const lines = (this.#unfinished[stream] + this.#decoders[stream].write(bytes)).split('\n');
    this.#unfinished[stream] = (lines.pop() ?? '').slice(-4 * MAX_LINE_LENGTH);
    for (const line of lines.slice(-MAX_LINES)) this.#lines.push(shown(line));
    this.#lines.splice(0, this.#lines.length - MAX_LINES);
  }

  /** The last lines, printable; one that has not ended yet is among them. */
  get lines(): readonly string[] {
    const unfinished = Object.values(this.#unfinished).filter((line) => line !== '');
    return [...this.#lines, ...unfinished.map(shown)];
  }

  /** Hands out what was kept, in order, and forgets it. */
  replay(write: (stream: OutputStream, bytes: Buffer) => void): void {
    if (this.#forgottenBytes > 0) {
      const kib = Math.ceil(this.#forgottenBytes / 1024);
      write('stderr', Buffer.from(`gridwatch: the first ${kib} KiB of the output are not shown again.\n`));
    }
    for (const { stream, bytes } of this.#chunks.splice(0)) write(stream, bytes);
    this.#keptBytes = 0;
    this.#forgottenBytes = 0;
  }
}

/** A progress bar returns to the beginning of its line: only what it wrote last is shown. */
function shown(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return printable(text.slice(text.lastIndexOf('\r') + 1), MAX_LINE_LENGTH);
}
