/** The loop of a worker that takes its tasks itself: each task's function runs with the span that came with it, the loop with none. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Declared } from '../../../../../agent/app-thread/instrumentation/patch.ts';
import { patchWorkerLoop } from '../../../../../agent/app-thread/instrumentation/pools/worker-loop.ts';
import { setMessageLink } from '../../../../../agent/app-thread/message-link.ts';
import type { TraceIds } from '../../../../../agent/shared-memory/registry.ts';

const idsOf = (spanId: string): TraceIds => ({ traceId: 'a'.repeat(32), spanId, traceFlags: 1 });

/** A worker like piscina's: a message is taken, its function found, called and waited for, and then the next one is taken. */
class Loop {
  readonly seen: string[] = [];
  readonly measured: string[] = [];
  active: string | undefined;
  received: TraceIds | undefined;
  readonly declared: Declared = { onMessage: this.#onMessage.bind(this), getHandler: this.#getHandler.bind(this) };

  link(): void {
    setMessageLink({
      postAs: (_, fn) => fn(),
      received: () => this.received,
      servingThreadId: () => -1,
      runWith: (context, fn) => this.#runAs(context?.spanId, fn),
      runTask: (task, fn) => {
        this.measured.push(task.spanId);
        return this.#runAs(task.spanId, fn);
      },
    });
  }

  #runAs<T>(spanId: string | undefined, fn: () => T): T {
    const before = this.active;
    this.active = spanId;
    try {
      return fn();
    } finally {
      this.active = before;
    }
  }

  take(name: string, context: TraceIds | undefined): Promise<void> {
    this.received = context;
    return (this.declared['onMessage'] as (name: string) => Promise<void>)(name);
  }

  async #getHandler(name: string): Promise<unknown> {
    await Promise.resolve();
    return name === 'none' ? null : (task: string) => this.seen.push(`${task} in ${this.active}`);
  }

  async #onMessage(name: string): Promise<void> {
    const handler = await (this.declared['getHandler'] as (name: string) => Promise<unknown>)(name);
    if (handler === null) this.seen.push('no handler');
    else (handler as (task: string) => void)(name);
    this.seen.push(`loop in ${this.active}`);
  }
}

describe('the loop of a worker', () => {
  let loop: Loop;
  let undo: () => void;

  beforeEach(() => {
    loop = new Loop();
    undo = patchWorkerLoop(loop.declared);
  });

  afterEach(() => {
    undo();
    setMessageLink(undefined);
  });

  it('runs each task with its own span, also when several are served at once', async () => {
    loop.link();
    await Promise.all([loop.take('a', idsOf('1')), loop.take('b', undefined), loop.take('c', idsOf('3'))]);
    expect(loop.seen.filter((line) => !line.startsWith('loop'))).toEqual(
      expect.arrayContaining(['a in 1', 'b in undefined', 'c in 3']),
    );
    expect(loop.measured.toSorted()).toEqual(['1', '3']);
    expect(new Set(loop.seen.filter((line) => line.startsWith('loop')))).toEqual(new Set(['loop in undefined']));
  });

  it('finds no function where there is none', async () => {
    loop.link();
    await loop.take('none', idsOf('1'));
    expect(loop.seen).toEqual(['no handler', 'loop in undefined']);
  });

  it('calls what it called, where messages are not followed', async () => {
    await loop.take('a', idsOf('1'));
    expect(loop.seen).toEqual(['a in undefined', 'loop in undefined']);
  });

  it('does not take a question of the task for one of the loop', async () => {
    loop.link();
    await loop.take('a', idsOf('1'));
    const asked = (await (loop.declared['getHandler'] as (name: string) => Promise<unknown>)('b')) as (
      t: string,
    ) => void;
    asked('later');
    expect(loop.seen.at(-1)).toBe('later in undefined');
  });
});
