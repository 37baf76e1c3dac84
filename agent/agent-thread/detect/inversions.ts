/**
 * What is told of an inversion of lock orders: a span with an event for each order, a log record, a count, and lines for the person at the terminal.
 *
 * Runs on the agent thread.
 */

import type { LockLabel } from '../model/lock-scene-types.ts';
import type { SignalAttributes } from '../telemetry/catalog.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { Voices } from './deadlock-report.ts';
import { atPlace, codeAttributes, lockAttributes, threadAttributes, traceAttributes } from './lock-attributes.ts';
import type { LockOrder } from './lock-order.ts';

export class Inversions implements MetricSource {
  readonly #voices: Voices;
  #count = 0;

  constructor(voices: Voices) {
    this.#voices = voices;
  }

  /** A circle of orders; each begins with the lock at which the one before it ends. It is told from the oldest on. */
  report(found: readonly LockOrder[]): void {
    const [oldest, newest] = [found.toSorted(byAge)[0], found.toSorted(byAge).at(-1)];
    if (oldest === undefined || newest === undefined) return;
    const circle = [...found.slice(found.indexOf(oldest)), ...found.slice(0, found.indexOf(oldest))];
    this.#count++;
    const { emitSpan, emitLog, diag } = this.#voices;
    const orders = new Set(
      circle.map(
        ({ outer, inner }) =>
          `"${inner.className}" is taken while ${another(outer, inner)}"${outer.className}" is held`,
      ),
    );
    const both = orders.size === 1 ? ', in both orders' : '';
    const attributes = this.#attributesOf(newest);
    emitSpan({
      name: 'lock.order.inversion',
      startNs: newest.atNs,
      endNs: newest.atNs,
      attributes: { ...attributes, ...traceAttributes(newest.context) },
      events: circle.map((order) => ({
        name: 'lock.order',
        timeNs: order.atNs,
        attributes: { ...this.#attributesOf(order), ...traceAttributes(order.context) },
      })),
      links: circle.flatMap(({ context }) => (context === undefined ? [] : [context])),
      isIncident: true,
    });
    emitLog({
      eventName: 'gridwatch.lock.order.inversion',
      body: `lock order inversion: ${[...orders].join('; ')}${both}`,
      attributes,
      timeNs: newest.atNs,
      key: circle
        .map(({ outer }) => outer.className)
        .toSorted()
        .join('\0'),
      hasOwnSpan: true,
      ...(newest.context === undefined ? {} : { parent: newest.context }),
    });
    diag.warn('lock order inversion: a deadlock is possible, though none has been');
    for (const order of circle) diag.warn(`  ${sentenceOf(order)}`);
  }

  collect(sink: MetricSink): void {
    sink.sum('gridwatch.lock.order.inversions', {}, this.#count);
  }

  #attributesOf({ outer, inner, thread, stack }: LockOrder): SignalAttributes {
    const { 'gridwatch.lock.instance': _, ...lock } = lockAttributes(inner, this.#voices.areNamesFull);
    return {
      ...threadAttributes(thread),
      ...lock,
      'gridwatch.lock.held.name': outer.className,
      ...codeAttributes({ site: '', stack }),
    };
  }
}

function byAge(one: LockOrder, other: LockOrder): number {
  return one.atNs - other.atNs;
}

/** `main held "a" and took "b" at app.js:3:5 in f`. */
function sentenceOf({ outer, inner, thread, stack }: LockOrder): string {
  return `${thread.name} held "${outer.className}" and took ${another(outer, inner)}"${inner.className}"${atPlace({ site: '', stack })}`;
}

/** Two locks of one class have one name. */
function another(one: LockLabel, other: LockLabel): string {
  return one.className === other.className ? 'another ' : '';
}
