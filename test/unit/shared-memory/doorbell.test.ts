/** The doorbell on one thread: what rings, what answers, and who is woken. Its races are explored in `model/`. */
import { beforeEach, expect, test } from 'vitest';
import { answer, ring, untilRung } from '../../../agent/shared-memory/doorbell.ts';
import { ControlMemory, HEADER } from '../../../agent/shared-memory/layout.ts';

const memory = ControlMemory.create(0);
const bell = (): number => memory.i32[HEADER.DOORBELL >> 2] as number;

beforeEach(() => {
  answer(memory);
});

test('a bell that is rung already is not waited for', () => {
  ring(memory);
  expect(bell()).toBe(1);
  expect(untilRung(memory)).toBeUndefined();
  answer(memory);
  expect(bell()).toBe(0);
});

test('who waits is woken by the ring', async () => {
  const rung = untilRung(memory);
  expect(rung).toBeInstanceOf(Promise);
  ring(memory);
  expect(await rung).toBe('ok');
});

test('a burst of rings is one ring', async () => {
  const rung = untilRung(memory);
  for (let i = 0; i < 1000; i++) ring(memory);
  await rung;
  answer(memory);
  const next = untilRung(memory);
  expect(next).toBeInstanceOf(Promise);
  ring(memory);
  expect(await next).toBe('ok');
});

test("the program's patched Atomics are not asked", async () => {
  const { notify, waitAsync } = Atomics;
  const patched = (): never => {
    throw new Error('patched');
  };
  Object.assign(Atomics, { notify: patched, waitAsync: patched });
  try {
    const rung = untilRung(memory);
    ring(memory);
    expect(await rung).toBe('ok');
  } finally {
    Object.assign(Atomics, { notify, waitAsync });
  }
});
