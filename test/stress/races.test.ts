/** The race check with real threads on the same cells: what has a lock is never told, what has none always. */
import { expect, test } from 'vitest';
import { RaceMemory } from '../../agent/shared-memory/race-memory.ts';
import { Outcomes } from '../support/outcomes.ts';
import { startThreads } from '../support/threads.ts';
import { GUARDED, ONCE_FROM, ONCE_TO, PLANTED, type RaceReport } from './threads/race-check.ts';

const THREADS = 4;
const ROUNDS = 5;
const FILE = new URL('./threads/race-check.ts', import.meta.url);

test('S1, E1, E2: every planted race is told once, and nothing else', async () => {
  const outcomes = new Outcomes('races');
  for (let round = 0; round < ROUNDS; round++) {
    const arrivals = new Int32Array(new SharedArrayBuffer(ONCE_TO * 4));
    const threads = startThreads(THREADS, FILE, RaceMemory.create().buffer, () => ({ arrivals }));
    const reports = (await Promise.all(threads.map(async ({ message }) => message()))) as RaceReport[];
    await Promise.all(threads.map(({ gone }) => gone));
    const told = reports.flatMap((report) => report.told);
    for (const cell of told) {
      if (cell < GUARDED) outcomes.forbidden('a guarded cell was told', `cell ${cell}`);
      else outcomes.acceptable(cell < ONCE_FROM ? 'a planted race was told' : 'a race that happened once was told');
    }
    if (new Set(told).size !== told.length) outcomes.forbidden('a race was told twice', told.join());
    for (let cell = GUARDED; cell < GUARDED + PLANTED; cell++)
      if (!told.includes(cell)) outcomes.forbidden('a planted race was missed', `cell ${cell}`);
    for (let cell = ONCE_FROM; cell < ONCE_TO; cell++)
      if (!told.includes(cell)) outcomes.forbidden('a race that happened once was missed', `cell ${cell}`);
  }
  outcomes.report('a planted race was told', 'a race that happened once was told');
  expect(outcomes.count('a planted race was told')).toBe(ROUNDS * PLANTED);
});
