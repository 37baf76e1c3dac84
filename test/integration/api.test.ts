/**
 * The package's own functions in a real program: `start` once is enough and never throws, `flush` delivers, in time or
 * not at all, `shutdown` leaves the program as it was before.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { defaultNode } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE, DEFAULT_EXIT, type ObservedProgram, startObserved } from '../support/observe.ts';
import type { RunOptions } from '../support/run-node.ts';

const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));
const APP_GRIDWATCH = BUILT_REGISTER_FILE.replace('register.cjs', 'index.js');

/** Node 22 does not tell the kernel what a thread is called, so there its agent thread cannot be seen. */
const ONE_AGENT = defaultNode().major >= 24 ? 1 : 0;

async function startProgram(args: readonly string[], options: Partial<RunOptions> = {}): Promise<ObservedProgram> {
  const env = { APP_GRIDWATCH, ...options.env };
  return startObserved({ cwd: APPS, withAgent: false, ...options, args: ['api.cjs', ...args], env });
}

/** What the program has written, once it has ended. */
async function said({ running }: ObservedProgram): Promise<unknown> {
  const { exitCode, stdout } = await running.ended;
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
}

describe('flush', () => {
  it('delivers while the program runs', async () => {
    await using program = await startProgram(['flush', '60000'], { withAgent: true });
    expect(await said(program)).toMatchObject({ isDelivered: true });
    // Delivered then, and not a second time at the exit.
    expect(program.observed.startedThreads()).toEqual(['early']);
  });

  it('is false, in time, with a collector that hangs', async () => {
    await using program = await startProgram(['flush', '300'], { withAgent: true, env: DEFAULT_EXIT });
    program.receiver.answerAll({ isHanging: true });
    const { isDelivered, tookMs } = (await said(program)) as { isDelivered: boolean; tookMs: number };
    expect(isDelivered).toBe(false);
    expect(tookMs).toBeLessThan(1000);
  });

  it('is false without an agent', async () => {
    await using program = await startProgram(['flush']);
    expect(await said(program)).toMatchObject({ isDelivered: false });
  });
});

describe('shutdown', () => {
  it('delivers, ends the agent thread and takes back what was replaced; then the agent can be started again', async () => {
    await using program = await startProgram(['shutdown']);
    expect(await said(program)).toEqual({
      isDelivered: true,
      during: { isAsBefore: false, agentThreads: ONE_AGENT },
      after: { isAsBefore: true, agentThreads: 0 },
      again: { isAsBefore: false, agentThreads: ONE_AGENT },
    });
    expect(program.observed.startedThreads()).toEqual(['early', 'late']);
  });
});

describe('start', () => {
  it('makes one agent, however often it is called', async () => {
    await using program = await startProgram(['start-twice']);
    expect(await said(program)).toBe(ONE_AGENT);
    expect(program.observed.startedThreads()).toEqual(['early']);
  });

  it('after --require changes nothing', async () => {
    await using program = await startProgram(['start-twice'], { withAgent: true });
    expect(await said(program)).toBe(ONE_AGENT);
    expect(program.observed.startedThreads()).toEqual(['early']);
  });

  it('says all that is wrong with its options, and starts with the defaults', async () => {
    await using program = await startProgram(['bad-options']);
    expect(await said(program)).toBe(true);
    const lines = (await program.running.ended).stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    for (const name of ['gcThresholdMs', 'lockThreshholdMs', 'names', 'signals']) {
      expect(lines.filter((line) => line.startsWith(`gridwatch: ${name}`))).toHaveLength(1);
    }
  });

  it.each(['null', 'number', 'array', 'throwing getter', 'throwing proxy'])('does not throw with %s', async (kind) => {
    await using program = await startProgram(['no-options', kind]);
    expect(await said(program)).toBe(true);
    const { stderr } = await program.running.ended;
    expect(stderr).toMatch(/^(?:gridwatch: [^\n]+\n)?$/);
  });
});
