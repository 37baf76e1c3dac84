/** The main thread's stack: asked for rarely, let go whatever happens, and never where it is not wanted. */
import { EventEmitter } from 'node:events';
import type { Session } from 'node:inspector';
import { describe, expect, test } from 'vitest';
import { isInspected, MainStack } from '../../../agent/agent-thread/main-stack.ts';

const S = 1e9;

/** A session with a thread that stops when asked, unless it is free. */
class FakeSession extends EventEmitter {
  readonly posted: string[] = [];
  readonly isStuck: boolean;

  constructor(isStuck: boolean) {
    super();
    this.isStuck = isStuck;
  }

  post(method: string): void {
    this.posted.push(method);
    if (method !== 'Debugger.pause' || !this.isStuck) return;
    this.emit('Debugger.scriptParsed', { params: { scriptId: '7', url: 'file:///app/shop.mjs' } });
    const location = { scriptId: '7', lineNumber: 9, columnNumber: 3 };
    const callFrames = Array.from({ length: 100 }, (_, i) => ({ functionName: `f${i}`, url: '', location }));
    this.emit('Debugger.paused', { params: { callFrames } });
  }

  disconnect(): void {
    this.posted.push('disconnect');
  }
}

function stackOf(session: FakeSession, more: { isOff?: boolean } = {}): MainStack {
  const openSession = (): Promise<Session> => Promise.resolve(session as unknown as Session);
  return new MainStack({ mainSlot: 0, isOff: false, openSession, answerMs: 5, ...more });
}

describe('MainStack', () => {
  test('a stuck thread is stopped, read and let go', async () => {
    const session = new FakeSession(true);
    const frames = await stackOf(session).of(0, 0);
    expect(frames).toHaveLength(32);
    expect(frames?.[0]).toEqual({ functionName: 'f0', file: 'file:///app/shop.mjs', line: 10, column: 4 });
    expect(session.posted).toEqual([
      'Debugger.enable',
      'Debugger.pause',
      'Debugger.resume',
      'Debugger.disable',
      'disconnect',
    ]);
  });

  test('a thread that does not stop is let go, and the pause taken back', async () => {
    const session = new FakeSession(false);
    expect(await stackOf(session).of(0, 0)).toBeUndefined();
    expect(session.posted).toEqual(['Debugger.enable', 'Debugger.pause', 'Debugger.disable', 'disconnect']);
  });

  test('is asked for once a minute', async () => {
    const stack = stackOf(new FakeSession(true));
    expect(await stack.of(0, 100 * S)).toBeDefined();
    expect(await stack.of(0, 159 * S)).toBeUndefined();
    expect(await stack.of(0, 160 * S)).toBeDefined();
  });

  test('is never asked of another thread, nor where it is not wanted', async () => {
    const session = new FakeSession(true);
    expect(await stackOf(session).of(3, 0)).toBeUndefined();
    expect(await stackOf(session, { isOff: true }).of(0, 0)).toBeUndefined();
    expect(session.posted).toEqual([]);
  });

  test('there is none without an inspector', async () => {
    const openSession = (): Promise<Session> => Promise.reject(new Error('ERR_INSPECTOR_NOT_AVAILABLE'));
    expect(await new MainStack({ mainSlot: 0, isOff: false, openSession }).of(0, 0)).toBeUndefined();
  });
});

test.each([
  ['--inspect', true],
  ['--inspect=127.0.0.1:0', true],
  ['--inspect-brk', true],
  ['--inspect-wait', true],
  ['--max-old-space-size=64 --inspect', true],
  ['--inspect-port=0', false],
  ['--inspect-publish-uid=http', false],
  ['./a--inspect.cjs', false],
  ['', false],
])('%j opens the inspector: %j', (option, opens) => {
  expect(isInspected(['--no-warnings', option])).toBe(opens);
});
