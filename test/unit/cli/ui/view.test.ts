/** One frame of the live view, at every size a terminal may have. */
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusLine } from '../../../../agent/cli/ui/line-display.ts';
import { type Look, lookOf } from '../../../../agent/cli/ui/paint.ts';
import { columnsOf } from '../../../../agent/cli/ui/printable.ts';
import { THREAD_STATES } from '../../../../agent/cli/ui/summary.ts';
import { type Frame, renderFrame } from '../../../../agent/cli/ui/view.ts';
import { groupOf, PROCESS, queue, span, summary, thread } from './summaries.ts';

const LOOK: Look = { columns: 100, rows: 30, hasColor: false, hasUnicode: true };

const BUSY = summary({
  toMs: 60_000,
  threads: [
    thread('worker-10', { parked: 3 }),
    thread('worker-2', { waiting_lock: 1, runnable: 1, running: 1 }),
    thread('main', { running: 1.5, runnable: 0.6, idle: 0.9 }, { gc: { count: 9, sumS: 0.15, atMostS: 0.05 } }),
    thread('agent', { idle: 3 }, { role: 'agent' }),
    thread('größenänderung-漢字', { idle: 3 }),
  ],
  cores: [
    { number: 0, busy: 0.61 },
    { number: 1, busy: 1 },
  ],
  spanGroups: [groupOf(span('POST /checkout', 1000, 1812)), groupOf(span('GET /', 50_000, 50_020))],
  slowestNow: span('POST /checkout', 1000, 1812),
});

function frame(options: Partial<Frame> = {}): Frame {
  return {
    program: 'app.js',
    elapsedMs: 42_000,
    now: BUSY,
    output: ['listening on 3000', 'request 1', 'request 2'],
    hint: 'Ctrl-C ends it',
    notes: [],
    forwarded: undefined,
    refusedCount: 0,
    ...options,
  };
}

describe('renderFrame', () => {
  it('shows threads with their states, cores, spans, output and losses', () => {
    expect(`\n${renderFrame(frame(), LOOK).join('\n')}`).toMatchInlineSnapshot(`
      "
      gridwatch  app.js  shop  pid 4711  0:42  Ctrl-C ends it

      THREADS 4  CPUs used 0.3, wanted 0.3, usable 4
      main           ██████████████████████▓▓▓▓▓▓▓▓·············  50 % idle 30 % runnable 20 %   GC 5 %
      größenänderun… ···········································   0 % idle 100 %
      worker-2       ██████████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓LLLLLLLLLLLLLL  33 % runnable 33 % lock 33 %
      worker-10      ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   0 % parked 100 %
      beside them: gridwatch's agent 0 %

      CORES 2  0▅ 61 %  1█100 %

      SLOWEST SPANS
        812 ms POST /checkout  1 time, 58 s ago
         20 ms GET /     1 time, 10 s ago

      OUTPUT
      listening on 3000
      request 1
      request 2









      █ running  ▓ runnable  L lock  Q queue  D disk  ░ parked  · idle  ? unknown
      Nothing dropped by the agent."
    `);
  });

  it('shows the essential on 40 columns', () => {
    expect(`\n${renderFrame(frame(), { ...LOOK, columns: 40, rows: 20 }).join('\n')}`).toMatchInlineSnapshot(`
      "
      gridwatch  0:42  Ctrl-C ends it

      THREADS 4  CPUs used 0.3, wanted 0.3, u…
      main       ███████████▓▓▓▓·······  50 %
      größenänd… ······················   0 %
      worker-2   ███████▓▓▓▓▓▓▓▓LLLLLLL  33 %
      worker-10  ░░░░░░░░░░░░░░░░░░░░░░   0 %
      beside them: gridwatch's agent 0 %

      CORES 2  0▅ 61 %  1█100 %

      SLOWEST SPANS
        812 ms POST /checko…  1 time, 58 s ago
         20 ms GET /     1 time, 10 s ago

      OUTPUT
      listening on 3000
      request 1
      request 2
      Nothing dropped by the agent."
    `);
  });

  it('shows the queues that were used between the cores and the spans', () => {
    const queues = [queue({ size: 3, oldestS: 0.5 }), queue({ name: 'worker-2', direction: 'to_parent' })];
    const lines = renderFrame(frame({ now: { ...BUSY, queues } }), LOOK);
    const from = lines.findIndex((line) => line.startsWith('CORES'));
    expect(lines.slice(from + 1, from + 6)).toEqual([
      '',
      'QUEUES',
      'piscina@work.js                3 waiting (500 ms)',
      'from worker-2                  0 waiting',
      '',
    ]);
  });

  it('says that nothing has come yet', () => {
    const lines = renderFrame(frame({ now: summary({ hasAgentData: false, threads: [] }) }), LOOK);
    expect(lines.join('\n')).toContain('Waiting for the first telemetry');
  });

  it('tells the processes of one run apart', () => {
    const other = { ...PROCESS, pid: 12 };
    const now = summary({
      processes: [PROCESS, other],
      threads: [thread('main', { idle: 1 }), thread('main', { idle: 1 }, { process: other })],
    });
    const text = renderFrame(frame({ now }), LOOK).join('\n');
    expect(text).toContain('4711/main');
    expect(text).toContain('12/main');
    expect(text).toContain('2 processes');
  });

  it('says what was lost and what was sent on', () => {
    const forwarded = {
      delivered: 7,
      failed: 2,
      dropped: 1,
      unsupported: ['logs', 'metrics'] as const,
      lastFailure: 'ECONNREFUSED',
    };
    const now = summary({ drops: [{ kind: 'gc', count: 3 }], exportFailures: 1, unkeptCount: 4 });
    const last = renderFrame(frame({ now, forwarded, refusedCount: 2, notes: ['A note.'] }), {
      ...LOOK,
      columns: 400,
    }).slice(-3);
    expect(last[0]).toBe('A note.');
    expect(last[2]).toBe(
      'Dropped by the agent: 3 gc; 1 failed export; 2 requests refused here; 4 not shown for lack of room; ' +
        'sent on 7, not sent on 3 (ECONNREFUSED); the endpoint does not take logs and metrics.',
    );
  });

  it('tells no state by colour alone, and uses none where it is not wanted', () => {
    const threads = THREAD_STATES.map((state) => thread(state, { [state]: 1 }));
    for (const hasUnicode of [true, false]) {
      const look = { ...LOOK, rows: 60, hasUnicode };
      const plain = renderFrame(frame({ now: summary({ threads }) }), look);
      expect(plain.join('')).not.toContain('\x1b');
      const bars = THREAD_STATES.map((state) => plain.find((line) => line.startsWith(`${state} `))?.[19]);
      expect(new Set(bars).size).toBe(THREAD_STATES.length);
      const coloured = renderFrame(frame({ now: summary({ threads }) }), { ...look, hasColor: true });
      expect(coloured.map(stripVTControlCharacters)).toEqual(plain);
    }
  });

  it('fills the rows exactly and never exceeds the columns, at any size', () => {
    const looks = fc.record({
      columns: fc.integer({ min: 1, max: 250 }),
      rows: fc.integer({ min: 1, max: 80 }),
      hasColor: fc.boolean(),
      hasUnicode: fc.boolean(),
    });
    fc.assert(
      fc.property(
        looks,
        fc.integer({ min: 0, max: 64 }),
        fc.integer({ min: 0, max: 5 }),
        (look, threadCount, queueCount) => {
          const more = Array.from({ length: threadCount }, (_, i) =>
            thread(`worker-${i}`, { running: i, idle: 64 - i }),
          );
          const cores = Array.from({ length: threadCount }, (_, number) => ({ number, busy: number / 64 }));
          const queues = Array.from({ length: queueCount }, (_, i) =>
            queue({ name: `漢字-${'x'.repeat(i * 9)}`, size: i }),
          );
          const now = { ...BUSY, threads: [...BUSY.threads, ...more], cores, queues };
          const lines = renderFrame(frame({ now }), look);
          expect(lines).toHaveLength(look.rows);
          for (const line of lines) expect(columnsOf(stripVTControlCharacters(line))).toBeLessThanOrEqual(look.columns);
        },
      ),
    );
  });
});

describe('statusLine', () => {
  it('says in one line how the program is doing', () => {
    expect(statusLine(frame())).toBe(
      'gridwatch: 0:42, 4 threads, 0.3 of 4 CPUs, main running 50 %, GC 5 %, slowest POST /checkout 812 ms',
    );
  });
});

describe('lookOf', () => {
  it('respects NO_COLOR, the terminal, the locale and the size', () => {
    expect(lookOf({ columns: 50, rows: 10 }, { LANG: 'C.UTF-8' })).toEqual({
      columns: 50,
      rows: 10,
      hasColor: true,
      hasUnicode: true,
    });
    expect(lookOf({ columns: 0, rows: 0 }, { TERM: 'dumb', LANG: 'C.UTF-8' })).toEqual({
      columns: 80,
      rows: 24,
      hasColor: false,
      hasUnicode: true,
    });
    expect(lookOf({}, { LANG: 'de_DE.utf8', LC_ALL: 'C', NO_COLOR: '1' })).toEqual({
      columns: 80,
      rows: 24,
      hasColor: false,
      hasUnicode: process.platform === 'win32',
    });
  });
});
