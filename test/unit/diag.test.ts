/** The agent's lines: their two forms, what they let through, and what happens when nobody reads them. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogMode } from '../../agent/config/options.ts';
import { createDiag, type Diag } from '../../agent/diag.ts';

interface Stderr {
  readonly diag: Diag;
  readonly text: () => string;
}

/** A diag whose lines are kept; `answers` says what each write does: throw that code, or take so many bytes. */
function record(mode: LogMode, answers: (string | number)[] = [], isTerminal = false): Stderr {
  const chunks: Buffer[] = [];
  const write = (bytes: Uint8Array): number => {
    const answer = answers.shift() ?? bytes.length;
    if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer });
    chunks.push(Buffer.from(bytes.subarray(0, answer)));
    return Math.min(answer, bytes.length);
  };
  const diag = createDiag(mode, { write, isTerminal: () => isTerminal, nowMs: () => 0 });
  return { diag, text: () => Buffer.concat(chunks).toString() };
}

describe('createDiag', () => {
  it('writes text that begins with our name', () => {
    const { diag, text } = record('text');
    diag.info('hello');
    diag.warn('an export failed', { signal: 'metrics', status: 404, reason: undefined });
    expect(text()).toBe('gridwatch: hello\ngridwatch: an export failed (signal=metrics, status=404)\n');
  });

  it('writes one JSON object a line', () => {
    const { diag, text } = record('json');
    diag.error('an export failed', { signal: 'metrics', level: 7, reason: undefined });
    expect(text()).toBe(
      '{"time":"1970-01-01T00:00:00.000Z","level":"error","source":"gridwatch","message":"an export failed","signal":"metrics","_level":7}\n',
    );
  });

  it('takes text on a terminal and JSON elsewhere by itself', () => {
    const [onTerminal, inFile] = [record('auto', [], true), record('auto', [], false)];
    onTerminal.diag.info('x');
    inFile.diag.info('x');
    expect(onTerminal.text()).toBe('gridwatch: x\n');
    expect(JSON.parse(inFile.text())).toMatchObject({ level: 'info', message: 'x' });
  });

  it('says nothing when it is off', () => {
    const { diag, text } = record('off');
    diag.error('x');
    diag.once('key').error('x');
    expect(text()).toBe('');
  });

  it('speaks once for a key', () => {
    const { diag, text } = record('text');
    for (const key of ['a', 'b', 'a', 'b']) diag.once(key).warn(key);
    expect(text()).toBe('gridwatch: a\ngridwatch: b\n');
  });

  it('remembers a bounded number of keys, and forgets the oldest', () => {
    const { diag, text } = record('text');
    for (let key = 0; key < 1001; key++) diag.once(`${key}`).info('');
    diag.once('1000').info('again');
    diag.once('0').info('again');
    expect(text().match(/again/g)).toHaveLength(1);
  });

  it('finishes a line that is taken in pieces, and waits out a full pipe', () => {
    const { diag, text } = record('text', [3, 'EAGAIN', 0, 4, 'EAGAIN', 'EAGAIN']);
    diag.info('hello');
    expect(text()).toBe('gridwatch: hello\n');
  });

  it.each([
    ['a pipe that stays full', ['EAGAIN', 'EAGAIN', 'EAGAIN', 'EAGAIN', 'EAGAIN', 'EAGAIN']],
    ['a pipe that was closed', ['EPIPE']],
    ['a pipe that takes nothing', [0, 0, 0, 0, 0, 0]],
  ])('gives up a line for %s, and says later how many', (_case, answers) => {
    const { diag, text } = record('text', [...answers]);
    diag.info('lost');
    diag.info('hello');
    diag.info('hello');
    expect(text()).toBe('gridwatch: hello (droppedLines=1)\ngridwatch: hello\n');
  });

  it('waits for a full pipe once, and not again before a line has got through', () => {
    const full = Array.from({ length: 7 }, () => 'EAGAIN');
    const { diag, text } = record('text', [...full, 1000, 'EAGAIN']);
    for (const line of ['lost', 'lost', 'a', 'b']) diag.info(line);
    expect(text()).toBe('gridwatch: a (droppedLines=2)\ngridwatch: b\n');
  });

  it('never throws, whatever a caller without types passes', () => {
    const { diag, text } = record('json');
    const anyDiag = diag as unknown as { info(message: unknown, fields: unknown): void };
    anyDiag.info(Symbol('x'), null);
    anyDiag.info('x', {
      get a() {
        throw new Error('getter');
      },
    });
    anyDiag.info('x', { a: 1n });
    diag.info('hello');
    expect(JSON.parse(text())).toMatchObject({ message: 'hello', droppedLines: 3 });
  });

  it('keeps any message on one line of at most 4096 bytes, with nothing in it that moves a cursor', () => {
    const fragment = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3000 }),
      fc.constantFrom('\n', '\u001b[2J', '\u009b', '\u202e'),
    );
    const message = fc.array(fragment, { maxLength: 4 }).map((parts) => parts.join(''));
    const fields = fc.dictionary(fc.string({ maxLength: 20 }), fc.oneof(message, fc.double(), fc.boolean()), {
      maxKeys: 4,
    });
    fc.assert(
      fc.property(fc.constantFrom<LogMode>('text', 'json'), message, fields, (mode, anyMessage, anyFields) => {
        const { diag, text } = record(mode);
        diag.warn(anyMessage, anyFields);
        const line = text();
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
        expect(line.endsWith('\n')).toBe(true);
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
        const isGood = mode === 'json' ? JSON.parse(line).source === 'gridwatch' : line.startsWith('gridwatch: ');
        expect(isGood).toBe(true);
      }),
    );
  });
});
