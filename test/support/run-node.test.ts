/** Programs started by the tests: what is given to them, what is seen of them, and that none outlives its deadline. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { runNode, startNode, UNTIL_ITS_INPUT_ENDS } from './run-node.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'gridwatch-run-node-')));
const registerFile = join(folder, 'a gate.cjs');
writeFileSync(registerFile, 'console.log("gate");');
afterAll(() => rmSync(folder, { recursive: true }));

describe('runNode', () => {
  it('gives back output, exit code and the time it took', async () => {
    const result = await runNode({ args: ['-e', 'console.log(1); console.error(2); process.exit(3)'] });
    expect(result).toMatchObject({ stdout: '1\n', stderr: '2\n', exitCode: 3, signal: null, isPastDeadline: false });
    expect(result.durationMs).toBeGreaterThan(0);
  });

  it('gives back the signal a program died of', async () => {
    const result = await runNode({ args: ['-e', 'process.kill(process.pid, "SIGKILL")'] });
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', isPastDeadline: false });
  });

  it('writes standard input and ends it', async () => {
    const result = await runNode({ args: ['-e', 'process.stdin.pipe(process.stdout)'], stdin: 'hello' });
    expect(result.stdout).toBe('hello');
  });

  it('does not mind a program that leaves its input unread', async () => {
    expect(await runNode({ args: ['-e', ''], stdin: 'x'.repeat(1e6) })).toMatchObject({ exitCode: 0 });
  });

  it('starts in the folder and the environment it is given, and in no other', async () => {
    process.env['GRIDWATCH_TEST_LEAK'] = '1';
    const args = ['-p', 'JSON.stringify([process.cwd(), Object.keys(process.env).sort()])'];
    const { stdout } = await runNode({
      args,
      cwd: folder,
      env: { A: 'x', HOME: undefined, LANG: 'C', TMPDIR: undefined },
    });
    delete process.env['GRIDWATCH_TEST_LEAK'];
    const [cwd, names] = JSON.parse(stdout) as [string, string[]];
    expect(cwd).toBe(folder);
    expect(names.filter((name) => name !== 'LD_LIBRARY_PATH')).toEqual(['A', 'LANG', 'PATH']);
  });

  it('kills a program at its deadline', async () => {
    const result = await runNode({ args: ['-e', 'setInterval(() => {}, 1000)'], deadlineMs: 200 });
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', isPastDeadline: true });
  });

  it('rejects when the program cannot be started', async () => {
    const node = { file: join(folder, 'none'), version: '24.0.0', major: 24 };
    await expect(runNode({ args: [], node })).rejects.toThrow('ENOENT');
  });

  it.each(['require', 'import', 'NODE_OPTIONS', true] as const)('brings the gate in by %s', async (withAgent) => {
    const args = ['-p', '2'];
    expect(await runNode({ args, withAgent, registerFile })).toMatchObject({ stdout: 'gate\n2\n', stderr: '' });
  });

  it('adds the gate to the NODE_OPTIONS of the test', async () => {
    const env = { NODE_OPTIONS: '--no-deprecation' };
    const args = ['-p', 'process.noDeprecation'];
    const { stdout } = await runNode({ args, env, withAgent: 'NODE_OPTIONS', registerFile });
    expect(stdout).toBe('gate\ntrue\n');
  });
});

describe('startNode', () => {
  it('tells when the program has written something, then how it ended', async () => {
    const { child, waitForOutput, ended } = startNode({
      args: ['-e', 'console.log("ready"); setInterval(() => {}, 1000)'],
    });
    await waitForOutput('ready');
    await waitForOutput('ready');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ stdout: 'ready\n', signal: 'SIGTERM' });
  });

  it('keeps the input open until it is told to end it', async () => {
    const args = ['-e', 'process.stdin.on("data", (data) => console.error(`${data}`)).on("end", () => console.log(1))'];
    const { child, stdout, stderr, endInput, ended } = startNode({ args, stdin: 'hello', isInputOpen: true });
    await eventually('the input to be read', () => stderr() === 'hello\n');
    expect({ stdout: stdout(), exitCode: child.exitCode }).toEqual({ stdout: '', exitCode: null });
    endInput();
    expect(await ended).toMatchObject({ stdout: '1\n', exitCode: 0 });
    const idle = startNode({ args: UNTIL_ITS_INPUT_ENDS, isInputOpen: true });
    idle.endInput();
    expect(await idle.ended).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
  });

  it('tells when the program ended without writing it', async () => {
    const { waitForOutput, ended } = startNode({ args: ['-e', 'console.error("no"); process.exit(4)'] });
    await expect(waitForOutput('ready')).rejects.toThrow('the program ended (4) before it wrote "ready": no\n');
    await ended;
  });
});
