/**
 * The series of one metric by the values of its attributes: one level of maps for each. Runs on the agent thread, which looks up every value of every
 * collection here, tens of thousands at once: no string is made for it, as a joined key would have to be, built and hashed each time.
 */
import type { AttributeValue } from './catalog.ts';

type Level<T> = Map<AttributeValue | undefined, Level<T> | T>;
type Values = { readonly [key: string]: AttributeValue | undefined };

export class SeriesIndex<T extends object> {
  readonly #keys: readonly string[];
  readonly #root: Level<T> = new Map();
  #size = 0;

  /** `keys`: the attributes that tell series apart, those with the fewest values first, so that there are few maps. */
  constructor(keys: readonly string[]) {
    // A metric without attributes has one series, under no value.
    this.#keys = keys.length === 0 ? [''] : keys;
  }

  get size(): number {
    return this.#size;
  }

  get(attributes: Values): T | undefined {
    let found: Level<T> | T | undefined = this.#root;
    for (const key of this.#keys) {
      found = (found as Level<T>).get(attributes[key]);
      if (found === undefined) return undefined;
    }
    return found as T;
  }

  set(attributes: Values, series: T): void {
    const [level, last] = this.#leaf(attributes);
    if (!level.has(last)) this.#size++;
    level.set(last, series);
  }

  delete(attributes: Values): void {
    if (this.get(attributes) === undefined) return;
    this.#size--;
    this.#prune(this.#root, attributes, 0);
  }

  #leaf(attributes: Values): [Level<T>, AttributeValue | undefined] {
    let level = this.#root;
    for (const key of this.#keys.slice(0, -1)) {
      let next = level.get(attributes[key]) as Level<T> | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(attributes[key], next);
      }
      level = next;
    }
    return [level, attributes[this.#keys.at(-1) as string]];
  }

  /** Leaves no empty level behind: names come and go for ever. */
  #prune(level: Level<T>, attributes: Values, depth: number): void {
    const value = attributes[this.#keys[depth] as string];
    const next = level.get(value);
    if (next instanceof Map && depth < this.#keys.length - 1) {
      this.#prune(next, attributes, depth + 1);
      if (next.size > 0) return;
    }
    level.delete(value);
  }
}
