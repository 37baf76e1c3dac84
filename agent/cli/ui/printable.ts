/**
 * Text that may stand on a terminal: without control characters, and measured and cut in columns. Runs in the process of
 * `gridwatch run --ui`. Everything shown there comes from elsewhere (span names, thread names, the program's output), so
 * nothing may reach the screen that has not been through `printable`: an escape sequence in a span name could otherwise
 * retitle the window, move the cursor or write to the clipboard.
 */
import { stripVTControlCharacters } from 'node:util';

/** C0, DEL and C1, line and paragraph separators, overrides of the writing direction, invisible marks, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const ELLIPSIS = '…';

/** The text without escape sequences, then without control characters; at most `maxLength` characters of it. */
export function printable(text: string, maxLength = 200): string {
  const bounded = text.length > 4 * maxLength ? text.slice(0, 4 * maxLength) : text;
  const clean = stripVTControlCharacters(bounded.replaceAll('\t', '  ')).replace(UNPRINTABLE, '');
  return clean.length > maxLength
    ? `${clean.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '')}${ELLIPSIS}`
    : clean;
}

/** How many columns printable text takes. East Asian wide characters and pictographs take two, combining marks none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** The text in at most `columns` columns; one that does not fit ends in an ellipsis. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let used = 0;
  let kept = '';
  for (const character of text) {
    const width = columnsOfCharacter(character);
    if (used + width > columns - 1) break;
    used += width;
    kept += character;
  }
  return columns > 0 ? kept + ELLIPSIS : '';
}

/** The text in exactly `columns` columns. */
export function fit(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const short = cut(text, columns);
  const padding = ' '.repeat(Math.max(0, columns - columnsOf(short)));
  return side === 'left' ? short + padding : padding + short;
}

/** Text in lines of at most `columns` columns, broken between words where that is possible. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (columnsOf(longer) <= columns || line === '') line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line);
  return lines;
}

function columnsOfCharacter(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(character)) return 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}
