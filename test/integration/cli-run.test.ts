/**
 * `gridwatch run` next to plain `node`: what a shell, a service manager or a pipe sees of the program is the same. And
 * `--ui` on a real program with the real agent: what is shown, what is shipped on, and how it ends.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { VALUE_OPTIONS } from '../../agent/cli/arguments.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import {
  type RunningNode,
  type RunOptions,
  type RunResult,
  runNode,
  startNode,
  UNTIL_ITS_INPUT_ENDS,
} from '../support/run-node.ts';
import { COUNTS_SIGNALS, sendEachSignal } from '../support/signals.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = `${ROOT}agent/cli/main.ts`;
const AS_CHILD = `${ROOT}test/fixtures/cli/run-as-child.ts`;
const APPS = `${ROOT}test/fixtures/apps/`;

const { present } = await findTestedNodes();

/** The gate loads and does nothing more: here it is about the command alone. */
const WITHOUT_AGENT = { GRIDWATCH_ENABLED: 'false', GRIDWATCH_LOG: 'off' };

/** The ways to run a program, each as the arguments that stand before it. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  'becoming the program': [MAIN, 'run'],
  'with the program as a child': [AS_CHILD],
  'with --ui in a pipe': [MAIN, 'run', '--ui'],
};

function seen({ stdout, stderr, exitCode, signal }: RunResult, hasReport: boolean): Partial<RunResult> {
  return hasReport ? { stdout, exitCode, signal } : { stdout, stderr, exitCode, signal };
}

describe.each(Object.entries(ROUTES))('%s', (route, before) => {
  const hasReport = route.includes('--ui');

  async function expectTheSame(args: readonly string[], options: Omit<RunOptions, 'args'> = {}): Promise<void> {
    const env = { ...WITHOUT_AGENT, ...options.env };
    const [plain, run] = await Promise.all([
      runNode({ ...options, env, args }),
      runNode({ ...options, env, args: [...before, ...args] }),
    ]);
    expect(seen(run, hasReport)).toEqual(seen(plain, hasReport));
  }

  it.each([
    'natural',
    'exit-in-main',
    'exit-in-exit-listener',
    'exit-code-set',
    'really-exit',
    'kill-itself',
    'large-output',
  ])('a program that ends by %s ends so', async (way) => {
    await expectTheSame([`${APPS}ends.cjs`, way]);
  });

  it('an uncaught exception is printed and ends the program as ever', async () => {
    await expectTheSame(['-e', 'throw new Error("it broke")']);
  });

  it('death of a signal is death of that signal', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGABRT', 'SIGUSR2']) {
      await expectTheSame(['-e', `process.kill(process.pid, ${JSON.stringify(signal)}); setTimeout(() => {}, 20000)`]);
    }
  });

  it('arguments, options and standard input arrive unchanged', async () => {
    const show = 'console.log(JSON.stringify([process.argv.slice(1), process.execArgv.slice(-1)]))';
    await expectTheSame(['--no-warnings', '--title', 'x y', '-', '--ui', '--', 'a b', ''], {
      stdin: 'console.log(process.argv.slice(2), process.title)',
    });
    await expectTheSame(['--stack-size=900', '-e', show, '--', '--inspect', '-x']);
    await expectTheSame(['-e', 'process.stdin.pipe(process.stdout)'], { stdin: 'one\ntwo\n' });
  });

  it('what Node refuses it refuses with the same code', async () => {
    await expectTheSame(['no-such-file.js']);
  });

  it('hands each signal on, once', async () => {
    const { stdout, exitCode } = await sendEachSignal([...before, COUNTS_SIGNALS], WITHOUT_AGENT);
    expect(stdout).toContain('{"SIGHUP":1,"SIGINT":1,"SIGUSR2":1,"SIGTERM":1}');
    expect(exitCode).toBe(42);
  });
});

it('becomes the program: it has the pid of the command', async () => {
  const { child, waitForOutput, ended } = startNode({ args: [MAIN, 'run', COUNTS_SIGNALS], env: WITHOUT_AGENT });
  await waitForOutput(`pid ${child.pid} ready`);
  child.kill('SIGKILL');
  expect(await ended).toMatchObject({ signal: 'SIGKILL' });
});

describe('the command', () => {
  it('prints the path of the gate, and nothing else', async () => {
    const { stdout, stderr, exitCode } = await runNode({ args: [MAIN, 'path'] });
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: `${ROOT}agent/register.cjs\n`, stderr: '', exitCode: 0 });
  });

  it('says what it can do, and what it cannot', async () => {
    expect(await runNode({ args: [MAIN, '--help'] })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('gridwatch run [--ui]'),
    });
    expect(await runNode({ args: [MAIN] })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('gridwatch doctor'),
    });
    expect(await runNode({ args: [MAIN, 'rum', 'app.js'] })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('no command "rum"'),
    });
    expect(await runNode({ args: [MAIN, 'run', '--nonsense', 'app.js'] })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^gridwatch run: --nonsense is neither .*\n$/),
    });
    expect(await runNode({ args: [MAIN, '--version'] })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it('lets the doctor look at this machine', async () => {
    const { stdout, exitCode } = await runNode({
      args: [MAIN, 'doctor'],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
    });
    expect(stdout).toContain('PROBLEM  http://127.0.0.1:1 did not take logs, metrics, and traces: ECONNREFUSED.');
    expect(exitCode).toBe(1);
  });
});

it.each(present)('knows every option of Node $version whose value may be the next argument', ({ file }) => {
  const { stdout } = spawnSync(file, ['--help'], { encoding: 'utf8' });
  const lines = [...stdout.matchAll(/^ {2}((?:-[^\s=,]+, )*-[^\s=,[]+)=(?:\.\.\.|\[host:\]port)/gm)];
  // Listed beside the option that it is a shorthand for, it takes no value itself.
  const names = lines
    .flatMap(([, all = '']) => all.split(', '))
    .filter((name) => !name.includes('-default-config-file'));
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !VALUE_OPTIONS.has(name))).toEqual([]);
});

describe('--ui with the agent', () => {
  const program = `
    const { Worker } = require('node:worker_threads');
    const worker = new Worker('setInterval(() => {}, 1000)', { eval: true, name: 'sleeper' });
    const timer = setInterval(() => { const until = Date.now() + 20; while (Date.now() < until); }, 50);
    process.stdin.resume().on('end', async () => {
      clearInterval(timer);
      await worker.terminate();
      console.log('done');
      process.exitCode = 3;
    });`;

  let receiver: OtlpReceiver | undefined;

  afterEach(async () => {
    await receiver?.stop();
    receiver = undefined;
  });

  it('shows the threads, ships everything on, and ends like the program', async () => {
    receiver = await OtlpReceiver.start();
    const run = startNode({
      args: [MAIN, 'run', '--ui', '-e', program],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=abc', GRIDWATCH_LOG: 'off' },
      isInputOpen: true,
    });
    await receiver.waitFor('the sleeper', ({ metrics }) =>
      metrics.some(({ points }) => points.some(({ attributes }) => attributes['thread.name'] === 'sleeper')),
    );
    run.endInput();
    const { stdout, stderr, exitCode } = await run.ended;
    expect({ stdout, exitCode }).toEqual({ stdout: 'done\n', exitCode: 3 });
    expect(stderr).toContain('node ended with exit code 3.');
    expect(stderr).toMatch(/gridwatch: (nothing stands out|\d findings?, worst first) \([\d.]+ s observed\)/);
    expect(receiver.point('gridwatch.thread.state.time', { 'thread.name': 'sleeper' })).toBeDefined();
    expect(receiver.requests.length).toBeGreaterThan(1);
    expect(new Set(receiver.requests.map(({ headers }) => headers['x-key']))).toEqual(new Set(['abc']));
  });

  it('lets an endpoint that hangs delay the end by two seconds and no more', async () => {
    receiver = await OtlpReceiver.start();
    receiver.answerAll({ isHanging: true });
    const run = startNode({
      args: [MAIN, 'run', '--ui', ...UNTIL_ITS_INPUT_ENDS],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, GRIDWATCH_LOG: 'off' },
      isInputOpen: true,
    });
    await receiver.waitFor('what will not be answered', ({ requests }) => requests.length > 0);
    const toldMs = performance.now();
    run.endInput();
    const { stderr, exitCode } = await run.ended;
    expect(exitCode).toBe(0);
    expect(stderr).toContain('did not reach your OTLP endpoint');
    /* Ten seconds are what an exporter takes to give up. */
    expect(performance.now() - toldMs).toBeLessThan(8000);
  });

  it('kills a program that ignores Ctrl-C at the second one', async () => {
    const run: RunningNode = startNode({ args: [MAIN, 'run', '--ui', COUNTS_SIGNALS], env: WITHOUT_AGENT });
    await run.waitForOutput('ready');
    run.child.kill('SIGINT');
    await run.waitForOutput('got SIGINT');
    // Sent again and again, as an impatient person would: what comes within a second of the first is the same Ctrl-C.
    const impatience = setInterval(() => run.child.kill('SIGINT'), 100);
    const { signal, stderr } = await run.ended.finally(() => clearInterval(impatience));
    expect(signal).toBe('SIGKILL');
    expect(stderr).toContain('counts-signals.cjs ended by SIGKILL.');
  });

  // `script` of util-linux gives a program a terminal; that of other systems has other options.
  const hasTerminal = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

  it.skipIf(!hasTerminal)('draws on a terminal (needs script of util-linux), and gives it back as it was', async () => {
    const command = `'${process.execPath}' '${MAIN}' run --ui '${ROOT}test/fixtures/cli/feeder.ts' 2`;
    const { stdout, exitCode } = await new Promise<{ stdout: string; exitCode: number | null }>((resolve) => {
      const child = spawn('script', ['-qefc', command, '/dev/null'], {
        env: { ...process.env, ...WITHOUT_AGENT, TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.once('close', (code) =>
        resolve({ stdout: Buffer.concat(chunks).toString().replaceAll('\x1b', '<ESC>'), exitCode: code }),
      );
    });
    const [before = '', inside = '', ...rest] = stdout.split(/<ESC>\[\?1049[hl]/);
    expect(before).toBe('');
    expect(inside).toMatch(/THREADS 5 .*worker-1 .*CORES 2 .*OUTPUT.*request 1 answered OK/s);
    expect(inside).not.toContain('<ESC>[32mOK');
    expect(rest).toHaveLength(1);
    expect(rest[0]).toMatch(/^request 1 answered <ESC>\[32mOK.*gridwatch: \d finding/s);
    expect(stdout.lastIndexOf('<ESC>[?25h')).toBeGreaterThan(stdout.lastIndexOf('<ESC>[?25l'));
    expect(exitCode).toBe(0);
  });
});
