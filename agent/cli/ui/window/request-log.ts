/**
 * How many requests of each route ended in each second, for each process: what the CPU time of its threads is laid
 * against. Runs in the process of `gridwatch run --ui`. It must stay bounded whatever a program sends: routes beyond the
 * bound are not kept, and seconds are forgotten with the window.
 */
import type { ProcessEntry } from './processes.ts';

/** Each has one number for each second of the window. */
const MAX_ROUTES = 200;

export class RequestLog {
  readonly #byProcess = new Map<ProcessEntry, Map<string, Map<number, number>>>();
  #routeCount = 0;

  add(process: ProcessEntry, route: string, endMs: number): void {
    const routes = this.#byProcess.get(process) ?? new Map<string, Map<number, number>>();
    this.#byProcess.set(process, routes);
    let seconds = routes.get(route);
    if (seconds === undefined) {
      if (this.#routeCount >= MAX_ROUTES) return;
      this.#routeCount++;
      seconds = new Map();
      routes.set(route, seconds);
    }
    const second = Math.floor(endMs / 1000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }

  prune(beforeMs: number): void {
    const before = Math.floor(beforeMs / 1000);
    for (const routes of this.#byProcess.values()) {
      for (const [route, seconds] of routes) {
        for (const second of seconds.keys()) if (second < before) seconds.delete(second);
        if (seconds.size > 0) continue;
        routes.delete(route);
        this.#routeCount--;
      }
    }
  }

  routesOf(process: ProcessEntry): string[] {
    return [...(this.#byProcess.get(process)?.keys() ?? [])];
  }

  /** When the first of those that are kept ended. */
  firstSecond(process: ProcessEntry): number | undefined {
    const all = [...(this.#byProcess.get(process)?.values() ?? [])].flatMap((seconds) => [...seconds.keys()]);
    return all.length === 0 ? undefined : all.reduce((a, b) => Math.min(a, b));
  }

  /** Requests that ended in whole seconds, from the first up to, but not including, the last. */
  count(process: ProcessEntry, route: string, fromSecond: number, toSecond: number): number {
    const seconds = this.#byProcess.get(process)?.get(route);
    let count = 0;
    for (let second = fromSecond; second < toSecond; second++) count += seconds?.get(second) ?? 0;
    return count;
  }
}
