/**
 * Styled text on a terminal line. Runs in the process of `gridwatch run --ui`. This is the only place that writes escape
 * sequences for colour; text comes here printable, and lines leave here no wider than asked.
 */
import { columnsOf, cut } from './printable.ts';

/** What a terminal can show. */
export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly hasColor: boolean;
  /** Whether block and line characters can be shown. */
  readonly hasUnicode: boolean;
}

const STYLES = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  magenta: '35',
  cyan: '36',
} as const;

export type Style = keyof typeof STYLES;

/** Text, or text in a style. */
export type Piece = string | readonly [style: Style, text: string];

/** One line of at most `look.columns` columns. */
export function paint(pieces: readonly Piece[], look: Look): string {
  let left = look.columns;
  let line = '';
  for (const piece of pieces) {
    const [style, text] = typeof piece === 'string' ? [undefined, piece] : piece;
    const shown = look.hasUnicode ? cut(text, left) : cut(text, left).replaceAll('…', '~');
    if (shown === '') continue;
    left -= columnsOf(shown);
    line += style !== undefined && look.hasColor ? `\x1b[${STYLES[style]}m${shown}\x1b[0m` : shown;
    if (shown.length < text.length) break;
  }
  return line;
}

/** What the terminal on a stream can show, by the variables that people set for that. */
export function lookOf(stream: { columns?: number; rows?: number }, env: NodeJS.ProcessEnv): Look {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return {
    columns: Math.max(1, stream.columns || 80),
    rows: Math.max(1, stream.rows || 24),
    hasColor: !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    hasUnicode: process.platform === 'win32' || /utf-?8/i.test(locale),
  };
}
