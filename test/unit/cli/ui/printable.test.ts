/** What may stand on a terminal, and how wide it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, cut, fit, printable, wrap } from '../../../../agent/cli/ui/printable.ts';

describe('printable', () => {
  it.each([
    ['plain text', 'plain text'],
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]0;title\x07after', 'after'],
    ['\x1b]52;c;ZWNobw==\x07', ''],
    ['one\r\ntwo\x00\x08', 'onetwo'],
    ['a\tb', 'a  b'],
    ['\u202egnp.exe', 'gnp.exe'],
    ['\x9b31mC1', 'C1'],
    ['größe 漢字 🙂', 'größe 漢字 🙂'],
  ])('%j becomes %j', (given, expected) => {
    expect(printable(given)).toBe(expected);
  });

  it('leaves no control character of any text, and is never longer than asked', () => {
    const sequences = fc.string({
      unit: fc.constantFrom('\x1b', '\x07', '\x9b', '[', ']', '?', '0', ';', 'm', 'H', 'a'),
    });
    const text = fc.oneof(fc.string({ unit: 'binary' }), sequences);
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 50 }), (given, maxLength) => {
        const shown = printable(given, maxLength);
        expect(shown).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        expect(shown).not.toMatch(/\p{Cs}/u);
        expect(shown.length).toBeLessThanOrEqual(maxLength);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('columns', () => {
  it('counts wide characters twice and combining marks not at all', () => {
    expect(columnsOf('abc')).toBe(3);
    expect(columnsOf('漢字')).toBe(4);
    expect(columnsOf('🙂')).toBe(2);
    expect(columnsOf('e\u0301')).toBe(1);
  });

  it('cuts and fills to the column', () => {
    expect(cut('abcdef', 4)).toBe('abc…');
    expect(cut('漢字漢字', 4)).toBe('漢…');
    expect(cut('abc', 0)).toBe('');
    expect(fit('ab', 4)).toBe('ab  ');
    expect(fit('ab', 4, 'right')).toBe('  ab');
  });

  it('fits any text into exactly the columns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 30 }), (text, columns) => {
        expect(columnsOf(fit(printable(text), columns))).toBe(columns);
      }),
    );
  });
});

describe('wrap', () => {
  it('breaks between words, and keeps a word that is too long whole', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('a incomprehensible b', 5)).toEqual(['a', 'incomprehensible', 'b']);
    expect(wrap('', 5)).toEqual(['']);
  });
});
