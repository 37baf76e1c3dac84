/**
 * The run without a terminal, in a pipe or a log: a short line every few seconds and the report at the end, all of it on
 * stderr, so that stdout is the program's alone. Runs in the process of `gridwatch run --ui`.
 */
import { writeSync } from 'node:fs';
import { counted, formatClock, formatMs, formatShare } from './quantities.ts';
import { busiestMain, isProgramThread, shareOf } from './summary.ts';
import type { Frame } from './view.ts';
import { durationMsOf } from './window/span-log.ts';

const STDERR = 2;

export class LineDisplay {
  readonly intervalMs = 5000;
  #shownNotes: readonly string[] = [];

  open(): void {}

  show(frame: Omit<Frame, 'output'>): void {
    for (const note of frame.notes) if (!this.#shownNotes.includes(note)) say([`gridwatch: ${note}`]);
    this.#shownNotes = frame.notes;
    if (frame.now.hasAgentData) say([statusLine(frame)]);
  }

  close(): void {}

  report(lines: readonly string[]): void {
    say(['', ...lines]);
  }
}

/** One line that says how the program is doing. */
export function statusLine({ elapsedMs, now }: Omit<Frame, 'output'>): string {
  const main = busiestMain(now);
  const slowest = now.slowestNow;
  const facts = [
    formatClock(elapsedMs),
    ...(now.processes.length > 1 ? [counted(now.processes.length, 'process', 'processes')] : []),
    counted(now.threads.filter(isProgramThread).length, 'thread'),
    `${now.usedCores.toFixed(1)} of ${now.usableCores} CPUs`,
    ...(main === undefined ? [] : [`main running ${formatShare(shareOf(main, 'running'))}`]),
    ...(main === undefined || main.gc.sumS === 0 ? [] : [`GC ${formatShare(main.gc.sumS / main.livedS)}`]),
    ...(slowest === undefined ? [] : [`slowest ${slowest.name} ${formatMs(durationMsOf(slowest))}`]),
    ...(now.drops.length === 0 ? [] : [`${now.drops.reduce((sum, { count }) => sum + count, 0)} dropped`]),
  ];
  return `gridwatch: ${facts.join(', ')}`;
}

function say(lines: readonly string[]): void {
  try {
    writeSync(STDERR, `${lines.join('\n')}\n`);
  } catch {
    // Nobody reads stderr any more; the program goes on.
  }
}
