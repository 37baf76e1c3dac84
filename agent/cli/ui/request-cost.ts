/**
 * Which requests the CPU time of a program's threads goes with. No span says what a request computed, but the seconds of a
 * run differ: where more of one kind ended, more was computed. From that the cost of one of each is estimated, by least
 * squares with costs that cannot be negative (coordinate descent; Lawson and Hanson, Solving Least Squares Problems,
 * chapter 23). Runs in the process of `gridwatch run --ui`, once, for the report. It must name nothing that the numbers do
 * not carry: where too little varies, or two routes always come together, there is no answer.
 */
import { formatShare } from './quantities.ts';
import type { ProcessEntry } from './window/processes.ts';
import type { RequestLog } from './window/request-log.ts';
import type { Window } from './window/window.ts';

export interface RequestCost {
  readonly route: string;
  /** Requests that ended in the stretch. */
  readonly count: number;
  /** Estimated, of one request. */
  readonly eachMs: number;
  /** Estimated, of all of them. */
  readonly sumS: number;
  /** How much of the difference between the seconds the estimate explains, 0 to 1. */
  readonly explained: number;
}

/** What can be told of the CPU time of threads, costliest in all first; empty where nothing can. */
export interface RequestCosts {
  readonly main: readonly RequestCost[];
  /** Of all workers together. */
  readonly workers: readonly RequestCost[];
}

/** Long enough to hold most requests with all they cause; short enough that many differ. */
const BIN_S = 2;

/** What is computed until the first requests have been answered, and the code is compiled, goes with none. */
const WARM_UP_S = 3;

/** With as many unknowns as equations anything can be explained; every second is in two bins. */
const MIN_BINS_PER_ROUTE = 4;
const MAX_ROUTES = 8;
const MIN_COUNT = 10;

/** Below it the estimate is a guess. */
const MIN_EXPLAINED = 0.6;

/** The share that a route must explain of what all others together leave unexplained. */
const MIN_OWN_SHARE = 0.3;

const MAX_ROUNDS = 1000;
const SETTLED = 1e-6;

/** Says what a cost rests on. */
export function estimateOf({ explained }: RequestCost): string {
  return `That is an estimate: how many of them ended explains ${formatShare(explained)} of when it was computed.`;
}

/** Of one process. */
export function requestCostsOf(
  window: Window,
  process: ProcessEntry | undefined,
  fromMs: number,
  toMs: number,
): RequestCosts {
  if (process === undefined) return { main: [], workers: [] };
  const ofRole = (role: string): RequestCost[] => {
    const running = window
      .all('gridwatch.thread.state.time')
      .filter(
        ({ process: sender, attributes }) =>
          sender === process &&
          attributes['gridwatch.thread.role'] === role &&
          attributes['gridwatch.thread.state'] === 'running',
      );
    const timeS = (from: number, to: number): number => sumOf(running.map(({ series }) => series.increase(from, to)));
    return costsOf(window.spans.requests, process, timeS, fromMs, toMs);
  };
  return { main: ofRole('main'), workers: ofRole('worker') };
}

/**
 * What one request of each route cost, of those for which that can be told.
 * @param timeS seconds of thread time between two times in milliseconds since the epoch.
 */
export function costsOf(
  requests: RequestLog,
  process: ProcessEntry,
  timeS: (fromMs: number, toMs: number) => number,
  fromMs: number,
  toMs: number,
): RequestCost[] {
  const firstRequest = requests.firstSecond(process);
  if (firstRequest === undefined) return [];
  const bins: number[] = [];
  // They overlap, so that where they begin makes no difference.
  const from = Math.max(Math.ceil(fromMs / 1000), firstRequest + WARM_UP_S);
  for (let second = from; second + BIN_S <= toMs / 1000; second++) bins.push(second);
  const first = bins[0] ?? 0;
  const end = (bins.at(-1) ?? 0) + BIN_S;
  const countOf = (route: string): number => requests.count(process, route, first, end);
  const routes = requests
    .routesOf(process)
    .toSorted((a, b) => countOf(b) - countOf(a))
    .slice(0, Math.max(0, Math.min(MAX_ROUTES, Math.floor(bins.length / MIN_BINS_PER_ROUTE) - 1)));
  if (routes.length === 0) return [];
  const times = bins.map((second) => timeS(second * 1000, (second + BIN_S) * 1000));
  const counts = routes.map((route) => bins.map((second) => requests.count(process, route, second, second + BIN_S)));
  const equations = toEquations(counts, times);
  const { costsS, explained } = solve(equations);
  if (explained < MIN_EXPLAINED) return [];
  // What the others together cannot explain is a route's own.
  const isItsOwn = (at: number): boolean => {
    const others = solve(equations, at).explained;
    return explained - others >= MIN_OWN_SHARE * (1 - others);
  };
  return routes
    .map((route, at): RequestCost => {
      const eachS = costsS[at] ?? 0;
      return { route, count: countOf(route), eachMs: eachS * 1000, sumS: eachS * countOf(route), explained };
    })
    .filter(({ count, eachMs }, at) => count >= MIN_COUNT && eachMs > 0 && isItsOwn(at))
    .toSorted((x, y) => y.sumS - x.sumS);
}

/** The normal equations: as small as there are routes, however long the run. The last unknown is the constant. */
interface Equations {
  readonly products: readonly (readonly number[])[];
  readonly goals: readonly number[];
  readonly square: number;
  readonly variance: number;
}

function toEquations(counts: readonly (readonly number[])[], times: readonly number[]): Equations {
  const columns = [...counts, times.map(() => 1)];
  const mean = sumOf(times) / times.length;
  return {
    products: columns.map((a) => columns.map((b) => dot(a, b))),
    goals: columns.map((column) => dot(column, times)),
    square: dot(times, times),
    variance: sumOf(times.map((time) => (time - mean) ** 2)),
  };
}

/** Costs of one of each such that counts times costs, and the constant, come closest to the times. @param without a route. */
function solve(
  { products, goals, square, variance }: Equations,
  without = -1,
): { readonly costsS: readonly number[]; readonly explained: number } {
  const costsS = goals.map(() => 0);
  for (let round = 0, change = 1; round < MAX_ROUNDS && change > SETTLED; round++) {
    change = 0;
    for (const [at, row] of products.entries()) {
      const own = row[at] ?? 0;
      if (at === without || own === 0) continue;
      const before = costsS[at] ?? 0;
      const cost = Math.max(0, before + ((goals[at] ?? 0) - dot(row, costsS)) / own);
      costsS[at] = cost;
      change = Math.max(change, Math.abs(cost - before) / Math.max(cost, SETTLED));
    }
  }
  const rest =
    square - 2 * dot(goals, costsS) + sumOf(costsS.map((cost, at) => cost * dot(products[at] ?? [], costsS)));
  return { costsS, explained: variance > 0 ? 1 - Math.max(0, rest) / variance : 0 };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return sumOf(a.map((value, at) => value * (b[at] ?? 0)));
}
