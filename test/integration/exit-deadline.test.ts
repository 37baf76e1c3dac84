/**
 * A collector that is gone, hangs or refuses makes the program's exit late by no more than the deadline, and changes
 * nothing else: exit status, signal and output are those without the agent.
 */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { type RunningNode, type RunOptions, type RunResult, startNode } from '../support/run-node.ts';

/** What a process needs from its exit listener to its end, and the agent past its deadline, on a machine that is busy. */
const SLACK_MS = 900;

let receiver: OtlpReceiver;
let silent: Server;
const connections = new Set<Socket>();

beforeEach(async () => {
  receiver = await OtlpReceiver.start();
  silent = createServer((socket) => {
    connections.add(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await receiver.stop();
  for (const socket of connections) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const collectors: Readonly<Record<string, () => Promise<string> | string>> = {
  'nobody listens': async () => `http://127.0.0.1:${await closedPort()}`,
  'accepts and says nothing': () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
  'reads and never answers': () => answering({ isHanging: true }),
  'cuts every connection': () => answering({ isCut: true }),
  'answers 404': () => answering({ status: 404 }),
  'answers 500': () => answering({ status: 500 }),
  'answers 503 and asks to wait': () => answering({ status: 503, retryAfterS: 60 }),
};

function answering(answer: Parameters<OtlpReceiver['answerAll']>[0]): string {
  receiver.answerAll(answer);
  return receiver.url;
}

/**
 * Has a worker, so that there is more than one thread's to deliver, and says when it is done with everything. It lives a while longer than that, for the agent's
 * thread to come up, which a program cannot see.
 */
const PROGRAM = `
  const { Worker } = require('node:worker_threads');
  process.on('exit', (code) => console.log('exit', code));
  process.on('exit', () => console.error(Date.now()));
  new Worker('', { eval: true }).on('exit', () => setTimeout(() => {
    if (process.argv[1] === 'throws') throw new Error('a failure of the program');
    process.exit(7);
  }, 100));
`;

function start(args: readonly string[], env: RunOptions['env'] & {}): RunningNode {
  return startNode({ args, withAgent: true, registerFile: BUILT_REGISTER_FILE, env });
}

async function lateness(running: Promise<RunResult>): Promise<{ lateMs: number; outcome: unknown }> {
  const { stdout, stderr, exitCode, signal } = await running;
  const endedMs = Date.now();
  return { lateMs: endedMs - Number(/^\d{13}$/m.exec(stderr)?.[0]), outcome: { stdout, exitCode, signal } };
}

describe.each(Object.keys(collectors))('a collector that %s', (kind) => {
  it.each([
    ['the default deadline', 2000, {}],
    ['a deadline of 300 ms', 300, { GRIDWATCH_EXIT_TIMEOUT_MS: '300' }],
  ])('makes the exit late by no more than %s', async (_, deadlineMs, settings) => {
    const url = (await collectors[kind]?.()) ?? '';
    const env = { ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: url, GRIDWATCH_LOG: 'off' };
    const { lateMs, outcome } = await lateness(start(['-e', PROGRAM], env).ended);
    expect(outcome).toEqual({ stdout: 'exit 7\n', exitCode: 7, signal: null });
    expect(lateMs).toBeLessThan(deadlineMs + SLACK_MS);
  });
});

describe('a collector that hangs', () => {
  const hanging = (): Record<string, string> => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: answering({ isHanging: true }),
    GRIDWATCH_LOG: 'off',
    GRIDWATCH_EXIT_TIMEOUT_MS: '300',
  });

  it('leaves the status of an uncaught exception as it is', async () => {
    const args = ['-e', PROGRAM, 'throws'];
    const { lateMs, outcome } = await lateness(start(args, hanging()).ended);
    expect(outcome).toEqual({ stdout: 'exit 1\n', exitCode: 1, signal: null });
    expect(lateMs).toBeLessThan(300 + SLACK_MS);
  });

  it('does not keep a program from dying of a signal that the agent was told to handle', async () => {
    const args = ['-e', 'console.log("ready"); setInterval(() => {}, 1000)'];
    const env = { ...hanging(), GRIDWATCH_SIGNALS: 'SIGTERM' };
    const { child, waitForOutput, ended } = start(args, env);
    await waitForOutput('ready\n');
    const killedMs = performance.now();
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exitCode: null, signal: 'SIGTERM', stdout: 'ready\n' });
    expect(performance.now() - killedMs).toBeLessThan(300 + SLACK_MS);
  });

  it('is not waited for at all with a deadline of 0', async () => {
    const env = { ...hanging(), GRIDWATCH_EXIT_TIMEOUT_MS: '0' };
    const { lateMs, outcome } = await lateness(start(['-e', PROGRAM], env).ended);
    expect(outcome).toMatchObject({ exitCode: 7 });
    expect(lateMs).toBeLessThan(SLACK_MS);
  });
});
