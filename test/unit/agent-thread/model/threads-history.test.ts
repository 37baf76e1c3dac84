/** The thread table, held against random histories of threads that start, run, end and are collected. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { only, type Written } from '../../../support/recording-sink.ts';
import { FakeProgram, type OpenedThread } from './fake-program.ts';
import { MS } from './fake-tasks.ts';

const anyStep = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    slot: fc.nat(12),
    name: fc.constantFrom('', 'a', 'a', 'b', '\u0000'),
  }),
  fc.record({ kind: fc.constant('close' as const), index: fc.nat(), isGone: fc.boolean() }),
  fc.record({ kind: fc.constant('run' as const), index: fc.nat(), runNs: fc.nat(2e8), queueNs: fc.nat(1e8) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ kind: fc.constant('collect' as const) }),
);

describe('whatever happens', () => {
  it('every counter only grows, and the states of all threads add up to their lives', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const program = new FakeProgram(0);
        const live: (OpenedThread & { readonly birthNs: number })[] = [];
        let endedNs = 0;
        let osThreadId = 1000;
        let before: Written = {};
        const check = (): void => {
          const written = program.collect();
          const shrunk = Object.entries(written).filter(
            ([series, value]) => !/count|parallelism|demand/.test(series) && value < (before[series] ?? 0),
          );
          expect(shrunk).toEqual([]);
          before = written;
          const lives = live.reduce((sum, { birthNs }) => sum + program.nowNs - birthNs, endedNs);
          const states = Object.values(only(written, 'gridwatch.thread.state.time')).reduce((sum, ns) => sum + ns, 0);
          expect(states).toBe(lives);
        };
        for (const step of steps) {
          const chosen = 'index' in step ? live[step.index % Math.max(1, live.length)] : undefined;
          if (step.kind === 'open') {
            live.push({
              ...program.open(step.slot + 1, { name: step.name, osThreadId: osThreadId++ }),
              birthNs: program.nowNs,
            });
          } else if (step.kind === 'pass') {
            program.nowNs += step.ms * MS;
            program.table.sample(program.nowNs);
          } else if (step.kind === 'collect') {
            check();
          } else if (chosen !== undefined && step.kind === 'run') {
            chosen.task.runNs += step.runNs;
            chosen.task.queueNs += step.queueNs;
          } else if (chosen !== undefined && step.kind === 'close') {
            chosen.task.isGone = step.isGone;
            program.table.close(chosen.entry, {}, program.nowNs);
            endedNs += program.nowNs - chosen.birthNs;
            live.splice(live.indexOf(chosen), 1);
          }
        }
        check();
      }),
    );
  });
});
