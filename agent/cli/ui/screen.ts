/**
 * The terminal while the live view is up: the alternate screen, so that what stood there before comes back. Runs in the
 * process of `gridwatch run --ui`. Whatever happens to that process short of SIGKILL, it must leave the terminal as it
 * found it; all writes are synchronous for that reason.
 */
import { writeSync } from 'node:fs';

/** Alternate screen, cursor hidden, no wrapping of long lines; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

/** Terminals that know it show all that stands between at once; others ignore it. */
const BEGIN_UPDATE = '\x1b[?2026h';
const END_UPDATE = '\x1b[?2026l';

export class Screen {
  readonly #fd: number;
  #isOpen = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#write(ENTER);
  }

  /** Draws all lines; there must be as many as the terminal has rows, and none wider than it. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    // All of it each time: what the user types is echoed onto the screen and has to be painted over.
    // A row is cleared first: after a full one the cursor still stands on its last column.
    const painted = lines.map((line, at) => `\x1b[${at + 1};1H\x1b[2K${line}`).join('');
    this.#write(`${BEGIN_UPDATE}${painted}${END_UPDATE}`);
  }

  /** Gives the terminal back. Does nothing the second time. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#write(LEAVE);
  }

  #write(text: string): void {
    try {
      writeSync(this.#fd, text);
    } catch {
      // The terminal has gone away: there is nobody left to show anything to.
      this.#isOpen = false;
    }
  }
}
