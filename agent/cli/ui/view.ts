/**
 * One frame of the live view, as lines of text: threads with state bars, cores, the slowest spans, the program's output,
 * and what was lost. Runs in the process of `gridwatch run --ui`. It is a function of what it is given, so that every width
 * can be tested; it must fill exactly the rows there are and never be wider than the terminal.
 */
import type { ForwardStats } from './forwarder.ts';
import { type Look, type Piece, paint, type Style } from './paint.ts';
import { columnsOf, fit } from './printable.ts';
import { counted, formatAtMost, formatClock, formatMs, formatShare } from './quantities.ts';
import { queueLines } from './queue-lines.ts';
import {
  isProgramThread,
  type Summary,
  shareOf,
  THREAD_STATES,
  type ThreadState,
  type ThreadSummary,
} from './summary.ts';
import { durationMsOf, type SpanGroup } from './window/span-log.ts';

export interface Frame {
  /** The program's file, or what stands for it. */
  readonly program: string;
  readonly elapsedMs: number;
  /** The last seconds. */
  readonly now: Summary;
  /** The program's last lines of output, printable. */
  readonly output: readonly string[];
  /** What Ctrl-C does. */
  readonly hint: string;
  /** What the user should know about this run. */
  readonly notes: readonly string[];
  /** Undefined where the user has named no endpoint. */
  readonly forwarded: ForwardStats | undefined;
  readonly refusedCount: number;
}

interface StateLook {
  readonly label: string;
  readonly style: Style;
  readonly block: string;
  readonly letter: string;
}

/** No state is told by colour alone. */
const STATE_LOOKS: Readonly<Record<ThreadState, StateLook>> = {
  running: { label: 'running', style: 'green', block: '█', letter: '#' },
  runnable: { label: 'runnable', style: 'yellow', block: '▓', letter: '+' },
  waiting_lock: { label: 'lock', style: 'red', block: 'L', letter: 'L' },
  waiting_queue: { label: 'queue', style: 'magenta', block: 'Q', letter: 'Q' },
  blocked_io: { label: 'disk', style: 'cyan', block: 'D', letter: 'D' },
  parked: { label: 'parked', style: 'blue', block: '░', letter: '-' },
  idle: { label: 'idle', style: 'dim', block: '·', letter: '.' },
  unknown: { label: 'unknown', style: 'dim', block: '?', letter: '?' },
};

/** Roles of threads that the program did not start. */
const HELPER_LABELS: ReadonlyMap<string, string> = new Map([
  ['agent', "gridwatch's agent"],
  ['libuv', 'libuv'],
  ['v8', 'V8'],
]);

const MAX_SPAN_ROWS = 6;

const CORE_LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** Below these widths a row leaves something out. */
const SPACIOUS_COLUMNS = 110;
const WIDE_COLUMNS = 76;
const NARROW_COLUMNS = 48;

/** Two states with their shares, and garbage collection with its own. */
const STATE_WORDS_COLUMNS = 25;
const GC_COLUMNS = 9;
const LONGEST_PAUSE_COLUMNS = 18;

/** Exactly `look.rows` lines. */
export function renderFrame(frame: Frame, look: Look): string[] {
  const foot = footLines(frame, look);
  const cores = coreLines(frame.now, look);
  const queues = queueLines(frame.now.queues, look);
  const room = Math.max(0, look.rows - 1 - foot.length - cores.length - queues.length);
  const spans = slowestGroups(frame.now);
  const threadCount = frame.now.threads.filter(isProgramThread).length + 1;
  const threadRows = Math.max(1, Math.min(threadCount, Math.floor(room * 0.45)));
  // The output may have half of what is left, the spans the rest; both stand below an empty line and a title.
  const left = room - threadRows - 2;
  const outputRows =
    frame.output.length === 0 ? 0 : 2 + Math.min(frame.output.length, Math.max(0, Math.floor(left / 2) - 2));
  const spanRows = Math.min(spans.length, MAX_SPAN_ROWS, Math.max(0, left - outputRows - 2));
  const body = [
    ...threadLines(frame.now, threadRows, look),
    ...cores,
    ...queues,
    ...spanLines(spans, spanRows, frame.now.toMs, look),
  ];
  const output = outputLines(frame.output, look.rows - 1 - foot.length - body.length, look);
  const lines = [headLine(frame, look), ...body, ...output];
  const bodyRows = Math.max(1, look.rows - foot.length);
  while (lines.length < bodyRows) lines.push('');
  return [...lines.slice(0, bodyRows), ...foot].slice(0, look.rows).map((line) => line.trimEnd());
}

function headLine(frame: Frame, look: Look): string {
  const { processes } = frame.now;
  const [first] = processes;
  const facts = [
    frame.program,
    first?.serviceName ?? '',
    processes.length > 1 ? counted(processes.length, 'process', 'processes') : first?.pid ? `pid ${first.pid}` : '',
    formatClock(frame.elapsedMs),
    frame.hint,
  ].filter((fact, at, all) => fact !== '' && all.indexOf(fact) === at);
  // Where there is no room for all, the program's names give way.
  while (facts.length > 2 && columnsOf(facts.join('  ')) + 11 > look.columns) facts.shift();
  return paint([['bold', 'gridwatch'], `  ${facts.join('  ')}`], look);
}

function threadLines(now: Summary, rows: number, look: Look): string[] {
  if (!now.hasAgentData || now.threads.length === 0)
    return ['', paint([['dim', 'Waiting for the first telemetry of the program.']], look)];
  const demand = now.demand === undefined ? '' : `, wanted ${now.demand.toFixed(1)}`;
  const usage = `  CPUs used ${now.usedCores.toFixed(1)}${demand}, usable ${now.usableCores}`;
  const own = now.threads.filter(isProgramThread);
  const ownRows = Math.max(1, rows - 1);
  const busiest = own.toSorted((a, b) => activityOf(b) - activityOf(a)).slice(0, ownRows);
  const shown = busiest.toSorted(byPlace);
  const title = ['bold', `THREADS ${own.length}`] as const;
  const more: Piece = ['dim', own.length > shown.length ? `  (the ${shown.length} busiest)` : ''];
  const lines = [paint([title, more, usage], look), ...shown.map((thread) => threadLine(thread, now, look))];
  return ['', ...lines, ...(rows > 1 ? [helperLine(now, look)] : [])];
}

/** The threads that the program did not start: what they use, in CPUs, as `top` counts. */
function helperLine(now: Summary, look: Look): string {
  const stretchS = Math.max(1e-3, (now.toMs - now.fromMs) / 1000);
  const runningS = new Map<string, number>();
  for (const { role, statesS } of now.threads.filter((thread) => !isProgramThread(thread)))
    runningS.set(role, (runningS.get(role) ?? 0) + statesS.running);
  const shares = [...runningS]
    .map(([role, seconds]) => ({ role, share: seconds / stretchS }))
    .toSorted((a, b) => b.share - a.share)
    .map(({ role, share }) => `${HELPER_LABELS.get(role) ?? 'others'} ${formatShare(share)}`);
  return paint([['dim', shares.length > 0 ? `beside them: ${shares.join(', ')}` : '']], look);
}

function threadLine(thread: ThreadSummary, now: Summary, look: Look): string {
  const isNarrow = look.columns < NARROW_COLUMNS;
  const prefix = now.processes.length > 1 ? `${thread.process.pid ?? '?'}/` : '';
  const isWide = look.columns >= WIDE_COLUMNS;
  const isSpacious = look.columns >= SPACIOUS_COLUMNS;
  const name = fit(prefix + thread.name, isNarrow ? 10 : isSpacious ? 18 : 14);
  const gcShare = thread.livedS > 0 ? thread.gc.sumS / thread.livedS : 0;
  const gc = gcShare >= 0.001 ? `GC ${formatShare(gcShare)}` : '';
  const longest = gc !== '' && isSpacious ? `, each ${formatAtMost(thread.gc.atMostS)}` : '';
  const words = isNarrow ? '' : ` ${isWide ? `${fit(wordsOf(thread), STATE_WORDS_COLUMNS)} ` : ''}${gc}${longest}`;
  const wordColumns =
    (isNarrow ? 0 : GC_COLUMNS) + (isWide ? 1 + STATE_WORDS_COLUMNS : 0) + (isSpacious ? LONGEST_PAUSE_COLUMNS : 0);
  const barColumns = Math.max(1, Math.min(60, look.columns - columnsOf(name) - 8 - wordColumns));
  const running: Piece = fit(formatShare(shareOf(thread, 'running')), 6, 'right');
  return paint([name, ' ', ...barOf(thread, barColumns, look), running, words], look);
}

/** The two states, other than running, that took most of the thread's time. */
function wordsOf(thread: ThreadSummary): string {
  return THREAD_STATES.filter((state) => state !== 'running' && shareOf(thread, state) >= 0.005)
    .toSorted((a, b) => shareOf(thread, b) - shareOf(thread, a))
    .slice(0, 2)
    .map((state) => `${STATE_LOOKS[state].label} ${formatShare(shareOf(thread, state))}`)
    .join(' ');
}

/** Cells by state, rounded so that their sum is the bar. */
function barOf(thread: ThreadSummary, columns: number, look: Look): Piece[] {
  const pieces: Piece[] = [];
  let share = 0;
  let drawn = 0;
  for (const state of THREAD_STATES) {
    share += shareOf(thread, state);
    const upTo = Math.min(columns, Math.round(share * columns));
    const { block, letter, style } = STATE_LOOKS[state];
    if (upTo > drawn) pieces.push([style, (look.hasUnicode ? block : letter).repeat(upTo - drawn)]);
    drawn = Math.max(drawn, upTo);
  }
  return drawn < columns ? [...pieces, ' '.repeat(columns - drawn)] : pieces;
}

function coreLines(now: Summary, look: Look): string[] {
  if (now.cores.length === 0) return [];
  const cells = now.cores.map(({ number, busy }) => {
    const level = CORE_LEVELS[Math.min(CORE_LEVELS.length - 1, Math.floor(busy * CORE_LEVELS.length))] ?? '';
    return now.cores.length > 16 && look.hasUnicode
      ? level
      : `${number}${look.hasUnicode ? level : ':'}${fit(formatShare(busy), 5, 'right')}  `;
  });
  return ['', paint([['bold', `CORES ${now.cores.length}  `], cells.join('')], look)];
}

function slowestGroups(now: Summary): SpanGroup[] {
  const slowestMs = ({ slowest }: SpanGroup): number => (slowest[0] ? durationMsOf(slowest[0]) : 0);
  return now.spanGroups.toSorted((a, b) => slowestMs(b) - slowestMs(a));
}

function spanLines(groups: readonly SpanGroup[], rows: number, nowMs: number, look: Look): string[] {
  if (rows === 0) return [];
  const lines = groups.slice(0, rows).map((group) => {
    const [span] = group.slowest;
    if (span === undefined) return '';
    const agoS = Math.round((nowMs - span.endMs) / 1000);
    const ago = agoS > 0 ? `${formatMs(agoS * 1000)} ago` : 'just now';
    const facts = [counted(group.count, 'time'), span.threadName, ago].filter(Boolean).join(', ');
    const nameColumns = Math.max(8, Math.min(columnsOf(span.name), look.columns - 9 - (facts.length + 2)));
    return paint(
      [fit(formatMs(durationMsOf(span)), 8, 'right'), ` ${fit(span.name, nameColumns)}`, ['dim', `  ${facts}`]],
      look,
    );
  });
  return ['', paint([['bold', 'SLOWEST SPANS']], look), ...lines];
}

function outputLines(output: readonly string[], rows: number, look: Look): string[] {
  if (rows < 3 || output.length === 0) return [];
  return ['', paint([['bold', 'OUTPUT']], look), ...output.slice(2 - rows).map((line) => paint([line], look))];
}

/** The legend, and what was lost: the last lines of the screen. */
function footLines(frame: Frame, look: Look): string[] {
  if (look.rows < 8) return [];
  const legend: Piece[] = THREAD_STATES.flatMap((state) => {
    const { block, letter, style, label } = STATE_LOOKS[state];
    return [[style, look.hasUnicode ? block : letter] as const, ` ${label}  `];
  });
  const lines = [paint([['dim', lossesOf(frame)]], look)];
  if (look.columns >= NARROW_COLUMNS) lines.unshift(paint(legend, look));
  const notes = look.rows >= 16 ? frame.notes.map((note) => paint([['yellow', note]], look)) : [];
  return [...notes, ...lines];
}

function lossesOf({ now, forwarded, refusedCount }: Frame): string {
  const dropped = now.drops.map(({ kind, count }) => `${count} ${kind}`).join(', ');
  const facts = [dropped === '' ? 'Nothing dropped by the agent' : `Dropped by the agent: ${dropped}`];
  if (now.exportFailures > 0) facts.push(counted(now.exportFailures, 'failed export'));
  if (refusedCount > 0) facts.push(`${counted(refusedCount, 'request')} refused here`);
  if (now.unkeptCount > 0) facts.push(`${now.unkeptCount} not shown for lack of room`);
  if (forwarded !== undefined) {
    const lost = forwarded.failed + forwarded.dropped;
    facts.push(
      `sent on ${forwarded.delivered}${lost > 0 ? `, not sent on ${lost} (${forwarded.lastFailure || 'queue full'})` : ''}`,
    );
    if (forwarded.unsupported.length > 0)
      facts.push(`the endpoint does not take ${forwarded.unsupported.join(' and ')}`);
  }
  return `${facts.join('; ')}.`;
}

function activityOf(thread: ThreadSummary): number {
  return thread.livedS - thread.statesS.idle - thread.statesS.parked + 1e-3 * thread.livedS;
}

/** The main thread before its workers, then by name with numbers in their order. */
function byPlace(a: ThreadSummary, b: ThreadSummary): number {
  return Number(b.role === 'main') - Number(a.role === 'main') || a.name.localeCompare(b.name, 'en', { numeric: true });
}
