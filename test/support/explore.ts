/**
 * Explores every interleaving of a few short programs over one small shared memory: one access to shared memory is one
 * step, and at each step any thread may go on, and those that may die may die. Runs in a test's own process, on one
 * thread.
 *
 * The programs are the real functions of the agent, called as they are. They cannot be stopped in the middle, so each
 * step runs a program again from its beginning: every access it has made before is answered from its log, the next one
 * is made, and the one after that throws. A program must therefore do nothing but compute from what it has read.
 *
 * Two states are one when memory, logs and pending stores are equal: a state is expanded once. What comes out is exact,
 * for the programs and the numbers of threads and rounds that were asked for.
 */
import {
  type Access,
  type Cell,
  type Log,
  type Memory,
  type ModelThread,
  memoryOf,
  perform,
  ROOT_LOG,
  settle,
  valueAt,
} from './model-memory.ts';

/** A state as the invariants of a model see it: every store is visible that can be. */
export interface View {
  /** The word at this byte offset, or the host's word of this name. */
  readonly get: (cell: Cell) => number;
  readonly status: (thread: string) => ModelThread['status'];
}

export interface Model {
  readonly threads: Readonly<Record<string, () => void>>;
  /** Threads that may be killed before any of their steps. */
  readonly mayDie?: readonly string[];
  /** Threads that may still wait when nothing else can happen: by default that is a violation. */
  readonly mayWait?: readonly string[];
  /** When waits with a timeout may time out: at any time, or once nothing else can happen. By default they never do. */
  readonly timeouts?: 'any time' | 'at last';
  /** So many stores of a thread may be pending (see `model-memory.ts`); by default each is visible at once. */
  readonly maxPendingStores?: number;
  /** What stands in memory before the first step. */
  readonly initial?: readonly (readonly [cell: Cell, value: number])[];
  /** Words that only one thread uses: their accesses are no steps of their own. */
  readonly isPrivate?: (at: number) => boolean;
  /** True of a state that is not to be gone on from: where a model would have no end. What it leads to is not explored. */
  readonly isBeyond?: (view: View) => boolean;
  /** Says what is wrong with a state, or with one after which nothing can happen. */
  readonly always?: (view: View) => string | undefined;
  readonly atEnd?: (view: View) => string | undefined;
}

export interface Exploration {
  readonly states: number;
  /** States after which nothing can happen. */
  readonly ends: number;
  /** What was violated first, and the shortest way there, a step a line. */
  readonly violation: string | undefined;
}

interface State {
  readonly memory: Memory;
  readonly threads: readonly ModelThread[];
}

interface Node {
  readonly parent: Node | undefined;
  readonly label: string;
}

/** Thrown into a program to stop it before its next access. */
const STOP = new Error('stopped before an access');
/** Thrown by a program that begins anew. */
const AGAIN = new Error('begins anew');
const MAX_STATES = 400_000;

/** Thrown by a program whose own check has failed. */
export class Violation extends Error {}

/** What else there is to know of the program that runs. Set by the program itself, but for the time. */
export const program: {
  /** Its time, which passes only where a wait times out. */
  elapsedMs: number;
  /** What it does at its poll, which is when an asynchronous wait of its times out. */
  poll: () => void;
  /** All that it keeps while it waits asynchronously, where that is less than all it has read. */
  state: (() => string) | undefined;
} = { elapsedMs: 0, poll: () => {}, state: undefined };

/** The access that the program now running asks for; undefined outside of an exploration. */
let answer: ((access: Access) => number | string) | undefined;

/** Makes one access on behalf of the program that runs. */
export function access(wanted: Access): number | string {
  if (answer === undefined) throw new Error('model memory is used outside of an exploration');
  return answer(wanted);
}

/** What a program of a model may do beside its accesses to shared memory. */
export const host: {
  /** Gives a value, not zero, to whoever waits for it; waits for it. Both are steps. */
  readonly tell: (key: string, value: number) => void;
  readonly until: (key: string) => number;
  readonly peek: (key: string) => number;
  /** Waits for the end of a thread, whatever ended it; asks for it. */
  readonly untilGone: (thread: string) => void;
  readonly isGone: (thread: string) => boolean;
  /** Notes for the invariants what the last step has led to: no step of its own. */
  readonly note: (key: string, value: number) => void;
  /** Says that of all it has read and done the program keeps only what the key describes: states that differ in the rest are one. */
  readonly settle: (key: string) => void;
  /** Begins the program anew: for one that goes on for ever and keeps nothing from round to round. */
  readonly again: () => never;
} = {
  tell: (key, value) => void access({ kind: 'tell', key, value }),
  until: (key) => access({ kind: 'until', key }) as number,
  peek: (key) => access({ kind: 'peek', key }) as number,
  untilGone: (key) => void access({ kind: 'untilGone', key }),
  isGone: (key) => access({ kind: 'isGone', key }) === 1,
  note: (key, value) => void access({ kind: 'note', key, value }),
  settle: (key) => void access({ kind: 'settle', key }),
  again: () => {
    throw AGAIN;
  },
};

/** Visits every state that the model can reach, nearest first, until a violation. */
export function explore(model: Model): Exploration {
  settledLogs.clear();
  const names = Object.keys(model.threads);
  const view = (state: State): View => ({
    get: (cell) => valueAt(state.memory, cell),
    status: (name) => (state.threads[names.indexOf(name)] as ModelThread).status,
  });
  const first: State = {
    memory: memoryOf(model.initial ?? []),
    threads: names.map(() => ({ status: 'running', log: ROOT_LOG, stores: [], waits: [] })),
  };
  const seen = new Set([keyOf(first)]);
  let frontier: [State, Node | undefined][] = [[first, undefined]];
  let ends = 0;
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const [state, node] of frontier) {
      let hasSuccessor = false;
      for (const { label, after, failure } of successors(model, names, state)) {
        hasSuccessor = true;
        const way = { parent: node, label };
        const wrong = failure ?? model.always?.(view(after));
        if (wrong !== undefined) return { states: seen.size, ends, violation: describe(wrong, way) };
        const key = keyOf(after);
        if (seen.has(key)) continue;
        seen.add(key);
        if (model.isBeyond?.(view(after)) === true) continue;
        if (seen.size > MAX_STATES) throw new Error(`the model has more than ${MAX_STATES} states`);
        next.push([after, way]);
      }
      if (hasSuccessor) continue;
      ends++;
      const stuck = names.find((name) => view(state).status(name) === 'running' && !model.mayWait?.includes(name));
      const wrong = stuck === undefined ? model.atEnd?.(view(state)) : `${stuck} waits for ever`;
      if (wrong !== undefined) return { states: seen.size, ends, violation: describe(wrong, node) };
    }
    frontier = next;
  }
  return { states: seen.size, ends, violation: undefined };
}

interface Successor {
  readonly label: string;
  readonly after: State;
  readonly failure?: string | undefined;
  /** Ways in which this step may turn out. */
  readonly choices?: number;
}

function* successors(model: Model, names: readonly string[], state: State): Generator<Successor> {
  let hasStep = false;
  for (const step of steps(model, names, state)) {
    hasStep = true;
    yield step;
  }
  if (hasStep || model.timeouts !== 'at last') return;
  for (const [index, name] of names.entries()) yield* timeout(state, index, name);
}

function* steps(model: Model, names: readonly string[], state: State): Generator<Successor> {
  for (const [index, name] of names.entries()) {
    const thread = state.threads[index] as ModelThread;
    for (const settled of settle(state.memory, thread)) {
      const threads = state.threads.with(index, settled.thread);
      yield { label: `${name}: becomes visible: ${settled.label}`, after: { memory: settled.memory, threads } };
    }
    if (thread.status !== 'running') continue;
    for (let choice = 0, choices = 1; choice < choices; choice++) {
      const step = runStep(model, names, state, index, choice);
      if (step !== undefined) yield step;
      choices = step?.choices ?? 1;
    }
    if (model.mayDie?.includes(name)) {
      const threads = state.threads.with(index, { ...thread, status: 'dead', waits: [] });
      yield { label: `${name}: dies`, after: { memory: state.memory, threads } };
    }
    if (model.timeouts === 'any time') yield* timeout(state, index, name);
  }
}

function* timeout(state: State, index: number, name: string): Generator<Successor> {
  const thread = state.threads[index] as ModelThread;
  const [wait] = thread.waits;
  if (wait === undefined || wait.outcome !== undefined || !wait.hasTimeout) return;
  const threads = state.threads.with(index, { ...thread, waits: [{ ...wait, outcome: 'timed-out' }] });
  yield { label: `${name}: times out`, after: { memory: state.memory, threads } };
}

/** Runs one program up to and including its next access; undefined while that access has to wait. `choice`: which way it turns out. */
function runStep(
  model: Model,
  names: readonly string[],
  state: State,
  index: number,
  choice: number,
): Successor | undefined {
  const name = names[index] as string;
  const results = (state.threads[index] as ModelThread).log.results();
  const memory = [...state.memory];
  const threads = [...state.threads];
  let position = 0;
  let label = '';
  let isWaiting = false;
  let isStopped = false;
  let choices = 1;
  const stop = (): never => {
    isStopped = true;
    throw STOP;
  };
  Object.assign(program, { elapsedMs: 0, poll: () => {}, state: undefined });
  answer = (wanted) => {
    /* What a program does on its way out, in a `finally`, is not done by a thread that goes on. */
    if (isStopped) stop();
    const isReplay = position < results.length;
    if (wanted.kind === 'settle') {
      const thread = threads[index] as ModelThread;
      const log = isReplay ? thread.log : settledLog(`${name}: ${wanted.key}`, thread);
      if (log !== thread.log) threads[index] = { ...thread, log };
      return 0;
    }
    if (isReplay) return results[position++] as number | string;
    const isStep = !('at' in wanted && model.isPrivate?.(wanted.at)) && wanted.kind !== 'note';
    if (label !== '' && isStep) stop();
    const { maxPendingStores = 0 } = model;
    const machine = { memory, threads, index, names, maxPendingStores, choice, choices: 1 };
    const result = perform(machine, wanted);
    choices = Math.max(choices, machine.choices);
    if (isStep) label = labelOf(wanted, result);
    if (result === undefined) {
      isWaiting = true;
      return stop();
    }
    const thread = threads[index] as ModelThread;
    threads[index] = { ...thread, log: thread.log.with(result) };
    results.push(result);
    position++;
    return result;
  };
  let failure: string | undefined;
  try {
    (model.threads[name] as () => void)();
    if (!isStopped) threads[index] = { ...(threads[index] as ModelThread), status: 'ended', waits: [] };
  } catch (error) {
    if (isStopped) failure = undefined;
    else if (error === AGAIN) threads[index] = { ...(threads[index] as ModelThread), log: ROOT_LOG };
    else failure = `${name}: ${error instanceof Violation ? error.message : String(error)}`;
  } finally {
    answer = undefined;
  }
  /* A wait that only now begins is a step; one that goes on is none. */
  if (isWaiting && threads[index] === state.threads[index]) return undefined;
  return { label: `${name}: ${label}`, after: { memory, threads }, failure, choices };
}

/** Logs that have led a thread to a state that it has described. */
const settledLogs = new Map<string, Log>();

/** One log stands for all that lead to the same state. */
function settledLog(key: string, { log }: ModelThread): Log {
  const settled = settledLogs.get(key) ?? log;
  settledLogs.set(key, settled);
  return settled;
}

function labelOf(wanted: Access, result: number | string | undefined): string {
  const place = 'at' in wanted ? `[${wanted.at}]` : `(${'key' in wanted ? wanted.key : ''})`;
  const value = 'value' in wanted ? ` ${wanted.value}` : '';
  return `${wanted.kind}${place}${value} -> ${result ?? 'waits'}`;
}

function keyOf({ memory, threads }: State): string {
  let key = memory.join();
  for (const { status, log, stores, waits } of threads) {
    /* Of a thread that is gone only its pending stores still matter. */
    key += `|${status === 'running' ? log.id : status}`;
    if (stores.length > 0 || waits.length > 0) key += JSON.stringify([stores, waits]);
  }
  return key;
}

function describe(wrong: string, node: Node | undefined): string {
  const way: string[] = [];
  for (let at = node; at !== undefined; at = at.parent) way.push(at.label);
  return [wrong, ...way.toReversed()].join('\n  ');
}

/** What was violated, without the way there. */
export function headline({ violation }: Exploration): string {
  return violation?.split('\n')[0] ?? 'nothing';
}
