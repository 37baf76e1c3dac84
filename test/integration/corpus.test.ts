/**
 * The corpus (`test/corpus/`): small programs that misuse their locks, each of which must be told of by the right names, and programs that only look as if
 * they did, of which nothing may be said. They run under the built agent, some at a time. The head of a program says what is expected of it:
 *
 *     // expects: deadlock orders, customers      or `inversion ...`, `abandoned ...`, `finding race ...`, `nothing`; a line for each
 *     // allows: inversion                        what may be told besides
 *     // env: GRIDWATCH_RACES=on
 *     // node: 24                                 the oldest that has what it uses
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { defaultNode } from '../support/nodes.ts';
import { type Observed, type ObservedProgram, startObserved } from '../support/observe.ts';

const FOLDER = fileURLToPath(new URL('../corpus/', import.meta.url));
/**
 * A deadlock is told within a second of its closing, most findings within five; on a machine with ten programs to a core the agent's start takes as long as that again and again,
 * and a convoy is one only while the machine lets its lock change hands. What is to be told at all is told long before; what is not, not in an hour either.
 */
const REPORT_MS = 150_000;
/** A program that ends by itself may take as long, and its exit waits for the agent. */
const DEADLINE_MS = REPORT_MS + 50_000;
/** How long a collection lasts is the machine's doing: on a busy one, this is true of any program that holds a lock for a while. */
const MACHINE = 'finding held_across_gc';
/** There is no SDK whose name is to be waited for. */
const ENV = { OTEL_METRIC_EXPORT_INTERVAL: '500', GRIDWATCH_IDENTITY_WAIT_MS: '0', GRIDWATCH_EXIT_TIMEOUT_MS: '40000' };
const COUNTED = [
  'gridwatch.deadlocks',
  'gridwatch.lock.order.inversions',
  'gridwatch.findings',
  'gridwatch.lock.abandonments',
];

interface CorpusProgram {
  readonly file: string;
  /** What must be told: `<kind> <names>`, the names sorted. */
  readonly expected: readonly string[];
  /** Kinds that may be told besides: they come with what is wrong. */
  readonly allowed: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly minNode: number;
}

function read(folder: string): CorpusProgram[] {
  return readdirSync(join(FOLDER, folder))
    .filter((name) => name.endsWith('.js'))
    .map((name) => {
      const file = join(FOLDER, folder, name);
      const lines = readFileSync(file, 'utf8').split('\n');
      const all = (key: string): string[] =>
        lines.flatMap((line) => (line.startsWith(`// ${key}: `) ? [line.slice(key.length + 5)] : []));
      const expected = all('expects').filter((text) => text !== 'nothing');
      if (all('expects').length === 0) throw new Error(`${file} does not say what is expected of it`);
      const env = Object.fromEntries(all('env').map((text) => text.split('=') as [string, string]));
      return {
        file,
        expected: expected.map(sorted),
        allowed: [MACHINE, ...all('allows')],
        env,
        minNode: Number(all('node')[0] ?? 0),
      };
    });
}

/** `deadlock orders, customers` with its names in order. */
function sorted(report: string): string {
  const [, what = '', names = ''] = /^((?:finding )?\S+) ?(.*)$/.exec(report) ?? [];
  return reportOf(what, names.split(', '));
}

function reportOf(what: string, names: readonly unknown[]): string {
  /* A lock without a name of its own is told by where it was made: the folder is the same for all. */
  const texts = names.map((name) => String(name).replace(/@.*\//, '@'));
  return `${what} ${[...new Set(texts)].toSorted().join(', ')}`;
}

/** Everything that was said against the program, each once. */
function reportsIn({ spans, logs }: Pick<Observed, 'spans' | 'logs'>): string[] {
  const reports: string[] = [];
  for (const { name, events } of spans) {
    const namesOf = (...keys: string[]): unknown[] =>
      events.flatMap(({ attributes }) => keys.flatMap((key) => attributes[key] ?? []));
    if (name === 'deadlock') reports.push(reportOf(name, namesOf('gridwatch.lock.name')));
    if (name === 'lock.order.inversion')
      reports.push(reportOf('inversion', namesOf('gridwatch.lock.name', 'gridwatch.lock.held.name')));
  }
  for (const { eventName, attributes } of logs) {
    const names = [attributes['gridwatch.lock.name']];
    if (eventName === 'gridwatch.lock.abandoned') reports.push(reportOf('abandoned', names));
    if (eventName === 'gridwatch.finding')
      reports.push(reportOf(`finding ${attributes['gridwatch.finding'] as string}`, names));
  }
  return [...new Set(reports)].toSorted();
}

async function start({ file, env }: CorpusProgram): Promise<ObservedProgram> {
  return startObserved({ args: [file], env: { ...ENV, ...env }, deadlineMs: DEADLINE_MS });
}

const runnable = (folder: string): (readonly [string, CorpusProgram])[] =>
  read(folder)
    .filter(({ minNode }) => defaultNode().major >= minNode)
    .map((program) => [basename(program.file, '.js'), program]);

describe('of a buggy program exactly what is wrong with it is told', () => {
  it.concurrent.each(runnable('buggy'))('%s', { timeout: DEADLINE_MS }, async (_, program) => {
    await using running = await start(program);
    const { receiver } = running;
    const isTold = (): boolean => {
      const reports = reportsIn(receiver);
      return program.expected.every((report) => reports.includes(report));
    };
    /* Many of them never end: that is what is wrong with them. */
    await Promise.race([
      receiver.waitFor(program.expected.join(' and '), isTold, REPORT_MS).catch(() => {}),
      running.running.ended,
    ]);
    const reports = reportsIn(receiver).filter(
      (report) => program.expected.includes(report) || !program.allowed.some((kind) => report.startsWith(kind)),
    );
    expect(reports).toEqual(program.expected.toSorted());
  });
});

describe('of a correct program that looks suspicious nothing is told', () => {
  it.concurrent.each(runnable('correct'))('%s', { timeout: DEADLINE_MS }, async (_, program) => {
    await using running = await start(program);
    const { exitCode, signal, stderr } = await running.running.ended;
    const { observed } = running;
    const reports = reportsIn(observed);
    const isAllowed = (report: string): boolean => program.allowed.some((kind) => report.startsWith(kind));
    expect(reports.filter((report) => !isAllowed(report))).toEqual([]);
    expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
    expect(observed.metrics).not.toEqual([]);
    if (reports.length > 0) return;
    expect(stderr).toBe('');
    for (const name of COUNTED) expect([name, observed.sum(name) ?? 0]).toEqual([name, 0]);
  });
});
