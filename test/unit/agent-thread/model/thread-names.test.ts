/** The names of threads: unique, few, and clean. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanThreadName, ThreadNames } from '../../../../agent/agent-thread/model/thread-names.ts';

function takeAll(raw: readonly string[]): string[] {
  const names = new ThreadNames();
  return raw.map((name) => names.take(name));
}

describe('ThreadNames', () => {
  it('numbers workers without a name', () => {
    expect(takeAll(['', '', ' \t'])).toEqual(['worker-1', 'worker-2', 'worker-3']);
  });

  it("takes Node's default name for none", () => {
    expect(takeAll(['WorkerThread', ''])).toEqual(['worker-1', 'worker-2']);
  });

  it('keeps a name of its own, and numbers those who share it', () => {
    expect(takeAll(['pool', 'pool', 'pool', 'mailer'])).toEqual(['pool', 'pool-1', 'pool-2', 'mailer']);
  });

  it('does not give a number that somebody bears as a name', () => {
    expect(takeAll(['worker-1', '', 'pool-1', 'pool', 'pool'])).toEqual([
      'worker-1',
      'worker-2',
      'pool-1',
      'pool',
      'pool-2',
    ]);
  });

  it.each(['main', 'agent', 'libuv', 'v8', 'other', '_OTHER'])('keeps %s for what it means', (reserved) => {
    const names = new ThreadNames();
    expect(names.take(reserved)).toBe(`${reserved}-1`);
    names.giveBack(reserved);
    expect(names.take(reserved)).toBe(`${reserved}-2`);
  });

  it('N2: gives the smallest free number first', () => {
    const names = new ThreadNames();
    const taken = Array.from({ length: 5 }, () => names.take(''));
    names.giveBack(taken[3] as string);
    names.giveBack(taken[1] as string);
    expect([names.take(''), names.take(''), names.take('')]).toEqual(['worker-2', 'worker-4', 'worker-6']);
  });

  it('N2: needs as many names for 10 000 workers as there were at once', () => {
    const names = new ThreadNames();
    const live: string[] = [];
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const name = names.take('');
      live.push(name);
      seen.add(name);
      if (live.length === 8) names.giveBack(live.splice((i * 7) % 8, 1)[0] as string);
    }
    expect(seen.size).toBe(8);
  });

  it('N1: no two live threads have the same name', () => {
    const anyName = fc.oneof(fc.constantFrom('', 'a', 'a-1', 'a-2', 'worker-1', 'main', 'WorkerThread'), fc.string());
    const anyStep = fc.oneof(fc.record({ take: anyName }), fc.record({ giveBack: fc.nat() }));
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const names = new ThreadNames();
        const live: string[] = [];
        for (const step of steps) {
          if ('take' in step) live.push(names.take(step.take));
          else if (live.length > 0) names.giveBack(live.splice(step.giveBack % live.length, 1)[0] as string);
          expect(new Set(live).size).toBe(live.length);
        }
      }),
    );
  });
});

describe('cleanThreadName', () => {
  it.each([
    ['  pool  ', 'pool'],
    ['a\u0000b\u001b[31mc\u007f', 'a b [31mc'],
    ['line\r\nbreak\u2028and\ttab', 'line break and tab'],
    ['right\u202eto left', 'right to left'],
    ['half \ud83d a pair', 'half a pair'],
    ['thread 🧵', 'thread 🧵'],
    ['\u0000\u0001', ''],
  ])('%j becomes %j', (raw, clean) => {
    expect(cleanThreadName(raw)).toBe(clean);
  });

  it('cuts an absurd name, never in the middle of a character', () => {
    expect(cleanThreadName('x'.repeat(100_000))).toBe(`${'x'.repeat(63)}…`);
    expect(cleanThreadName('🧵'.repeat(200))).toBe(`${'🧵'.repeat(63)}…`);
    expect(cleanThreadName('y'.repeat(64))).toBe('y'.repeat(64));
  });

  it('leaves nothing that could spoil a line or a label, whatever it is given', () => {
    const anyUtf16 = fc.array(fc.nat(0xffff), { maxLength: 300 }).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(anyUtf16, (raw) => {
        const clean = cleanThreadName(raw);
        expect(clean).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(clean.trim()).toBe(clean);
        expect(Array.from(clean).length).toBeLessThanOrEqual(64);
      }),
    );
  });
});
