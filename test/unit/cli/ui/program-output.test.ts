/** The program's output while the view is up: what the pane shows and what is printed afterwards. */
import { describe, expect, it } from 'vitest';
import { ProgramOutput } from '../../../../agent/cli/ui/program-output.ts';

function replayed(output: ProgramOutput): [string, string][] {
  const all: [string, string][] = [];
  output.replay((stream, bytes) => void all.push([stream, bytes.toString()]));
  return all;
}

describe('ProgramOutput', () => {
  it('shows lines without escape sequences, and prints them unchanged afterwards', () => {
    const output = new ProgramOutput();
    output.add('stdout', Buffer.from('\x1b[32mone\x1b[0m\ntw'));
    output.add('stderr', Buffer.from('oops\n'));
    output.add('stdout', Buffer.from('o\nunfinished'));
    expect(output.lines).toEqual(['one', 'oops', 'two', 'unfinished']);
    expect(replayed(output)).toEqual([
      ['stdout', '\x1b[32mone\x1b[0m\ntw'],
      ['stderr', 'oops\n'],
      ['stdout', 'o\nunfinished'],
    ]);
    expect(replayed(output)).toEqual([]);
  });

  it('puts characters together that come in pieces', () => {
    const output = new ProgramOutput();
    for (const byte of Buffer.from('größe\n')) output.add('stdout', Buffer.from([byte]));
    expect(output.lines).toEqual(['größe']);
  });

  it('shows of a progress bar what was drawn last', () => {
    const output = new ProgramOutput();
    output.add('stdout', Buffer.from('10 %\r20 %\r30 %\ndone\r\n'));
    expect(output.lines).toEqual(['30 %', 'done']);
  });

  it('stays bounded, and says what it does not show again', () => {
    const output = new ProgramOutput();
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 3000; i++) output.add('stdout', Buffer.from(line));
    output.add('stdout', Buffer.from('y'.repeat(100_000)));
    expect(output.lines.length).toBeLessThanOrEqual(201);
    expect(output.lines.at(-1)?.length).toBeLessThanOrEqual(500);
    const all = replayed(output);
    expect(all[0]).toEqual(['stderr', 'gridwatch: the first 2074 KiB of the output are not shown again.\n']);
    expect(all.reduce((sum, [, text]) => sum + text.length, 0)).toBeLessThan(2 ** 20 + 100);
  });
});
