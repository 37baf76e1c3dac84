/** Interned names under real threads: eight intern the same texts at once, and get the same numbers (N1, N2). */
import { expect, test } from 'vitest';
import { ControlMemory, HEADER } from '../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../agent/shared-memory/names.ts';
import { Outcomes } from '../support/outcomes.ts';
import { startThreads } from '../support/threads.ts';

const THREADS = 8;
const TEXTS = 4000;

test('N1, N2: names interned by eight threads at once', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('names');
  const file = new URL('threads/interner.ts', import.meta.url);
  const threads = startThreads(THREADS, file, memory.buffer, () => ({ texts: TEXTS }));
  const results = (await Promise.all(threads.map(async ({ message }) => message()))) as {
    readonly numbers: readonly number[];
    readonly torn: readonly string[];
  }[];
  await Promise.all(threads.map(async ({ gone }) => gone));

  const [first] = results;
  for (const { numbers, torn } of results) {
    for (const text of torn) outcomes.forbidden('torn', text);
    for (const [i, number] of numbers.entries()) {
      if (number === 0) outcomes.forbidden('no room', String(i));
      else if (number !== first?.numbers[i]) outcomes.forbidden('two numbers', `${number}, ${first?.numbers[i]}`);
      else outcomes.acceptable('one number');
    }
  }
  expect(new Set(first?.numbers).size).toBe(TEXTS);
  expect(lookUpName(memory, first?.numbers[17] as number)).toBe('app/file-17.js:17');
  expect(memory.i32[HEADER.NAMES_DROPPED >> 2]).toBe(0);
  outcomes.report('one number');
});
