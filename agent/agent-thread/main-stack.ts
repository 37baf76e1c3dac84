/**
 * The stack of the main thread while a turn of its event loop goes on and on: where the time goes that nobody else will ever tell of.
 *
 * Runs on the agent thread. The inspector is the only way in which Node shows one thread another's stack, and it reaches the main thread alone. It stops
 * that thread for as long as the answers take, milliseconds beside the seconds it has been held up for; so it is asked rarely, let go at once when it
 * does not answer, and never where somebody debugs the program, who would be shown the pause. It must never be asked of a thread that is not stuck.
 */
import type { Debugger, Session } from 'node:inspector';

/** A thread on the CPU stops within milliseconds; one that does not is in native code, or free again, and is let go. */
const ANSWER_MS = 500;
const MIN_INTERVAL_NS = 60e9;
const MAX_FRAMES = 32;

export interface StackFrame {
  readonly functionName: string;
  /** A path or URL, as V8 has it; empty for code without a file. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface MainStackSettings {
  readonly mainSlot: number;
  /** No stack may leave the process, or somebody debugs it. */
  readonly isOff: boolean;
  readonly openSession: () => Promise<Session>;
  readonly answerMs?: number;
}

export class MainStack {
  readonly #settings: MainStackSettings;
  #lastNs = Number.NEGATIVE_INFINITY;

  constructor(settings: MainStackSettings) {
    this.#settings = settings;
  }

  /**
   * The stack of the thread in this slot, the innermost frame first. Undefined for any but the main thread, when there is none to be had, and when one
   * was taken within the last minute. Never rejects.
   */
  async of(slot: number, nowNs: number): Promise<readonly StackFrame[] | undefined> {
    const { mainSlot, isOff, openSession, answerMs = ANSWER_MS } = this.#settings;
    if (isOff || slot !== mainSlot || nowNs - this.#lastNs < MIN_INTERVAL_NS) return undefined;
    this.#lastNs = nowNs;
    try {
      const session = await openSession();
      try {
        return await pausedStack(session, answerMs);
      } finally {
        /* Also takes back a pause that has not come about. The main thread reads its messages in this order. */
        session.post('Debugger.disable');
        session.disconnect();
      }
    } catch {
      return undefined;
    }
  }
}

/** A session with the main thread. Rejects where Node was built without the inspector or is not permitted to use it. */
export async function openMainSession(): Promise<Session> {
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connectToMainThread();
  return session;
}

/** Whether one of these texts of Node's options opens the inspector. */
export function isInspected(options: readonly string[]): boolean {
  return options.some((option) => /(?:^|\s)--inspect(?!-publish-uid|-port)/.test(option));
}

function pausedStack(session: Session, answerMs: number): Promise<readonly StackFrame[] | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), answerMs);
    const files = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      session.post('Debugger.resume');
      clearTimeout(timer);
      resolve(params.callFrames.slice(0, MAX_FRAMES).map((frame) => toFrame(frame, files)));
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
}

function toFrame({ functionName, location, url }: Debugger.CallFrame, files: ReadonlyMap<string, string>): StackFrame {
  const { scriptId, lineNumber, columnNumber = 0 } = location;
  return { functionName, file: url || (files.get(scriptId) ?? ''), line: lineNumber + 1, column: columnNumber + 1 };
}
