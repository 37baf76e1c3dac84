/**
 * What a shell sees of a program, made comparable: two runs of the same program have equal outcomes. Runs in a test's own
 * process. Only what differs by nature is evened out: process ids, ports, durations; and, since the README promises no
 * more, a single stack frame of the agent's in a place.
 */
import { fileURLToPath } from 'node:url';
import type { RunResult } from './run-node.ts';

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** @throws Error when the program had to be killed because it did not end. */
export function outcomeOf({ stdout, stderr, exitCode, signal, isPastDeadline, durationMs }: RunResult): Outcome {
  if (isPastDeadline) throw new Error(`still running after ${Math.round(durationMs)} ms: ${stdout}${stderr}`);
  return { stdout: withoutChance(stdout), stderr: withoutChance(stderr), exitCode, signal };
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function isAgentFrame(line: string | undefined): boolean {
  return (
    line !== undefined && /^\s+at /.test(line) && (line.includes(`${ROOT}agent/`) || line.includes(`${ROOT}dist/`))
  );
}

function withoutChance(text: string): string {
  return text
    .split('\n')
    .filter((line, i, all) => !isAgentFrame(line) || isAgentFrame(all[i - 1]))
    .join('\n')
    .replaceAll(/\(node:\d+\)/g, '(node:PID)')
    .replaceAll(/ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/g, 'ws://127.0.0.1:PORT/ID')
    .replaceAll(/duration_ms:? [\d.]+|time=[\d.]+ms|\([\d.]+ms\)/g, 'DURATION');
}
