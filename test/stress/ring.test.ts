/**
 * Rings under real threads: four write as fast as they can while one drains, all with random pauses. No record is lost
 * uncounted, none is torn, none comes twice or out of order (Q1, Q2, Q3).
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ControlMemory } from '../../agent/shared-memory/layout.ts';
import { RingReader } from '../../agent/shared-memory/ring-reader.ts';
import { Outcomes } from '../support/outcomes.ts';
import { Random, runSeed } from '../support/random.ts';
import { startThreads } from '../support/threads.ts';
import { wrongIn } from './records.ts';

const WRITERS = 4;
const OFFERS = 300_000;
/** After every record there is. */
const NOW_NS = 1e12;

test('Q1, Q2, Q3: rings written and drained at once', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('rings');
  const random = new Random(runSeed);
  const readers = Array.from({ length: WRITERS }, (_, slot) => ({
    ring: new RingReader(memory, slot),
    last: 0,
    drained: 0,
    dropped: 0,
  }));
  const drainAll = (): void => {
    for (const reader of readers) {
      reader.ring.drain(
        (record) => {
          if (record.startNs <= reader.last) outcomes.forbidden('order', `${record.startNs} after ${reader.last}`);
          reader.last = record.startNs;
          reader.drained++;
          const wrong = wrongIn(record);
          if (wrong === undefined) outcomes.acceptable('drained');
          else outcomes.forbidden('torn', wrong);
          random.pause();
        },
        () => NOW_NS,
      );
      reader.ring.takeDropped((kind, count) => {
        if (kind === 'corrupt') outcomes.forbidden('corrupt', String(count));
        else outcomes.acceptable('dropped', count);
        reader.dropped += count;
      });
    }
  };

  const file = new URL('threads/ring-writer.ts', import.meta.url);
  const threads = startThreads(WRITERS, file, memory.buffer, () => ({ offers: OFFERS }));
  const published = Promise.all(threads.map(async ({ message }) => message()));
  const over = new AbortController();
  void published.finally(() => over.abort());
  while (!over.signal.aborted) {
    drainAll();
    await turnOfTheLoop();
  }
  await Promise.all(threads.map(async ({ gone }) => gone));
  drainAll();

  for (const [i, count] of (await published).entries()) {
    const { drained, dropped } = readers[i] as (typeof readers)[number];
    expect(drained).toBe(count);
    expect(drained + dropped).toBe(OFFERS);
  }
  outcomes.report('drained', 'dropped');
});
