/**
 * `gridwatch observe` on real programs that are not Node: what it says of their threads is what the kernel says, and for a shell, a service manager or
 * a pipe the program is the one it would be without. Needs Linux, and for the lock of an interpreter a python3.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ProcTree } from '../../agent/agent-thread/host/proc.ts';
import { readProcessStat } from '../../agent/outside/process-stat.ts';
import { eventually } from '../support/eventually.ts';
import { Observed } from '../support/observe.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { runNode, startNode } from '../support/run-node.ts';
import { COUNTS_SIGNALS, sendEachSignal } from '../support/signals.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = `${ROOT}agent/cli/main.ts`;
const FOUR_THREADS = `${ROOT}test/fixtures/outside/four-threads.py`;

const isLinux = process.platform === 'linux';

/** The interpreter itself, not a shell script in front of it; undefined where there is none. */
const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout?.trim();
const hasPython = isLinux && python !== undefined && python !== '';

function cpuNs(pid: number | undefined): number {
  const own = readProcessStat(new ProcTree(), String(pid))?.own;
  return own === undefined ? 0 : own.userNs + own.systemNs;
}

/** A number of the summary, in its own unit. */
function shown(stderr: string, row: string): { readonly value: number; readonly unit: string } {
  const [, value, unit = ''] = new RegExp(`^  ${row} +([\\d.]+) ?(\\S*)`, 'm').exec(stderr) ?? [];
  return { value: Number(value), unit };
}

/** On a busy machine two seconds are not enough for the last values to be sent. */
const ENV = { GRIDWATCH_LOG: 'text', GRIDWATCH_EXIT_TIMEOUT_MS: '40000' };

function observe(command: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof runNode> {
  return runNode({ args: [MAIN, 'observe', '--', ...command], env: { ...ENV, ...env } });
}

describe.skipIf(!hasPython)('a Python program with four threads (needs Linux and python3)', () => {
  it('shows its global lock, its CPU time and its energy, to a person and to a backend', async () => {
    const receiver = await OtlpReceiver.start();
    try {
      const { stdout, stderr, exitCode } = await observe([python, FOUR_THREADS, '3'], {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      });
      expect(exitCode).toBe(3);
      expect(stdout).toMatch(/^[\d.]+\n$/);
      const kernelS = Number(stdout);
      const observed = new Observed(receiver);

      const cpuS = observed.sum('process.cpu.time') as number;
      expect(Math.abs(cpuS / kernelS - 1)).toBeLessThan(0.02);
      const threadsS = observed.sum('gridwatch.thread.cpu.time') as number;
      expect(Math.abs(threadsS / cpuS - 1)).toBeLessThan(0.02);
      expect(shown(stderr, 'parallelism').value).toBeLessThan(1.1);

      const workers = observed.series('gridwatch.thread.cpu.time', { 'cpu.mode': 'user' });
      const names = workers
        .map(({ attributes }) => attributes['thread.name'] as string)
        .filter((name) => name.startsWith('python'));
      expect(names).toHaveLength(4);
      const states = names.map((name) => observed.states(name));
      const sumOf = (state: string): number => states.reduce((sum, of) => sum + (of[state] as number), 0);
      const livesS = states.map((of) => Object.values(of).reduce((a, b) => a + b, 0));
      // They begin one after the other, as the first one has the lock. One at a time runs; all others wait for it, or, woken on a busy machine to look for it, for a CPU.
      const longestS = Math.max(...livesS);
      const waitingS = livesS.reduce((a, b) => a + b, 0) - longestS;
      expect(sumOf('running') / longestS).toBeLessThan(1.1);
      expect(sumOf('parked') / waitingS).toBeGreaterThan(2 / 3);
      expect((sumOf('parked') + sumOf('runnable')) / waitingS).toBeGreaterThan(0.93);

      const [energy] = observed.series('gridwatch.process.energy', { 'gridwatch.energy.component': 'active' });
      expect(energy?.value).toBeGreaterThan(0);
      expect(energy?.resource).toMatchObject({
        'service.name': 'four-threads',
        'process.executable.name': expect.stringMatching(/^python/),
        'process.pid': expect.any(Number),
        'telemetry.distro.name': 'gridwatch',
      });
      expect(observed.sum('gridwatch.thread.energy')).toBeCloseTo(energy?.value as number, 4);
      expect(stderr).toContain('The metrics were sent.');
      expect(observed.spans).toEqual([]);
      expect(observed.series('gridwatch.thread.exits')).toEqual([]);
    } finally {
      await receiver.stop();
    }
  });

  it('attaches to one that runs, and goes when it is told to', async () => {
    const program = spawn(python, [FOUR_THREADS, '1000'], { stdio: 'ignore' });
    const ended = once(program, 'exit');
    try {
      const observer = startNode({ args: [MAIN, 'observe', '--pid', String(program.pid)] });
      await once(observer.child.stderr as Readable, 'data');
      const usedBefore = cpuNs(program.pid);
      const lookedMs = performance.now();
      await eventually('a second of CPU time', () => cpuNs(program.pid) >= usedBefore + 1e9);
      const lookedS = (performance.now() - lookedMs) / 1000;
      observer.child.kill('SIGINT');
      const { stderr, exitCode } = await observer.ended;
      expect(exitCode).toBe(0);
      expect(stderr).toContain(`(${program.pid}) is no longer observed`);
      /* It had a second of CPU time in this time, and until the observer had heard of its end. */
      expect(shown(stderr, 'parallelism').value).toBeGreaterThan(0.3 / lookedS);
      expect(shown(stderr, 'parallelism').value).toBeLessThan(1.1);
      expect(program.exitCode).toBeNull();
    } finally {
      program.kill('SIGKILL');
      await ended;
    }
  });
});

describe.skipIf(!isLinux)('a program under observation (needs Linux)', () => {
  it('has its streams to itself, and its exit code is passed on', async () => {
    const script = 'cat; echo to-stdout; echo to-stderr >&2; exit 42';
    const { stdout, stderr, exitCode } = await runNode({
      args: [MAIN, 'observe', '--', 'sh', '-c', script],
      stdin: 'from-stdin\n',
    });
    expect({ stdout, exitCode }).toEqual({ stdout: 'from-stdin\nto-stdout\n', exitCode: 42 });
    expect(stderr).toMatch(/^to-stderr\ngridwatch: sh -c .* ended with exit code 42\n/);
    expect(stderr).toContain('Nothing was sent');
  });

  it('has its standard output to itself, whatever exporter there is', async () => {
    const { stdout, stderr } = await observe(['echo', 'its own'], { OTEL_METRICS_EXPORTER: 'console' });
    expect(stdout).toBe('its own\n');
    expect(stderr).toContain("name: 'process.cpu.time'");
  });

  it('is not told of what is switched off', async () => {
    const receiver = await OtlpReceiver.start();
    try {
      const { stderr } = await observe(['sleep', '0.3'], {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        GRIDWATCH_FEATURES: '-threads,-energy',
      });
      const names = new Set(new Observed(receiver).metrics.map(({ name }) => name));
      expect(names).toContain('process.cpu.time');
      expect([...names].filter((name) => /thread\.(?:state|cpu)|energy/.test(name))).toEqual([]);
      expect(stderr).not.toContain('energy');
    } finally {
      await receiver.stop();
    }
  });

  it('dies of its own signals, and the command with it', async () => {
    const { stderr, signal } = await observe(['sh', '-c', 'kill -TERM $$']);
    expect(signal).toBe('SIGTERM');
    expect(stderr).toContain('ended by SIGTERM');
  });

  it('leaves no core of the command in the place of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gridwatch-core-'));
    try {
      const line = 'ulimit -c "$(ulimit -H -c)"; exec "$0" "$1" observe -- sh -c "ulimit -c 0; kill -SEGV \\$\\$"';
      const observer = spawn('sh', ['-c', line, process.execPath, MAIN], { cwd: folder, stdio: 'ignore' });
      expect(await once(observer, 'exit')).toEqual([null, 'SIGSEGV']);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('gets each signal, once', async () => {
    const { stdout, exitCode } = await sendEachSignal([MAIN, 'observe', '--', process.execPath, COUNTS_SIGNALS]);
    expect(stdout).toContain('{"SIGHUP":1,"SIGINT":1,"SIGUSR2":1,"SIGTERM":1}');
    expect(exitCode).toBe(42);
  });

  it('counts children that come and go', async () => {
    const { stdout, stderr } = await observe([
      'sh',
      '-c',
      'for i in 1 2 3 4 5; do (i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done) & wait; done; times',
    ]);
    // The children of the shell, as it tells them itself: 0m1.23s 0m0.45s.
    const [, minutes, seconds, systemMinutes, systemSeconds] =
      /\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(stdout) ?? [];
    const childrenMs =
      (Number(minutes) * 60 + Number(seconds) + Number(systemMinutes) * 60 + Number(systemSeconds)) * 1000;
    const { value, unit } = shown(stderr, 'CPU time');
    const cpuMs = unit === 's' ? value * 1000 : value;
    expect(childrenMs).toBeGreaterThan(100);
    expect(cpuMs).toBeGreaterThan(childrenMs * 0.98 - 20);
    expect(cpuMs).toBeLessThan(childrenMs * 1.02 + 30);
  });

  it('is not started when it cannot be, and the reason is told', async () => {
    expect(await observe(['no-such-program'])).toMatchObject({
      exitCode: 127,
      stderr: 'gridwatch observe: there is no program "no-such-program".\n',
    });
    expect(await observe([FOUR_THREADS])).toMatchObject({
      exitCode: 126,
      stderr: expect.stringContaining('may not be executed'),
    });
    expect(await runNode({ args: [MAIN, 'observe', '--pid', '4194304'] })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there is no process 4194304'),
    });
    expect(await runNode({ args: [MAIN, 'observe', 'sh'] })).toMatchObject({
      exitCode: 2,
      stderr: 'gridwatch observe: put "--" before the program: gridwatch observe -- sh\n',
    });
  });
});
