/** Files that are read again and again, and all that can go wrong with them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reasonOf, Scanner } from '../../../../agent/agent-thread/host/proc.ts';
import { fakeTree } from './proc-fixtures.ts';

function scannerOf(text: string): Scanner {
  const scanner = new Scanner(Buffer.alloc(256));
  scanner.reset(scanner.bytes.write(text, 'latin1'));
  return scanner;
}

describe('ProcFile', () => {
  it('reads from the beginning each time, through one descriptor', () => {
    const { tree, fs } = fakeTree({ 'self/x': '1 2' });
    const file = tree.file('self/x');
    expect(file.read()).toBe(true);
    expect(tree.scanner.number()).toBe(1);
    fs.files.set('/proc/self/x', '3 4');
    expect(file.read()).toBe(true);
    expect(tree.scanner.text()).toBe('3 4');
    expect(fs.opened).toBe(1);
  });

  it.each([
    ['EACCES', false],
    ['ERR_ACCESS_DENIED', false],
    ['EMFILE', false],
    ['ENOENT', true],
    ['read:ESRCH', true],
    ['read:EIO', false],
  ])('says that it cannot be read: %s', (content, isGone) => {
    const { tree } = fakeTree({ 'self/x': content });
    const file = tree.file('self/x');
    expect(file.read()).toBe(false);
    expect(file.failure).toBe(content.replace('read:', ''));
    expect(file.isGone).toBe(isGone);
    expect(tree.scanner.text()).toBe('');
    expect(tree.openFiles).toBe(0);
  });

  it('gives its descriptor back when the thread is gone', () => {
    const { tree, fs } = fakeTree({ 'self/x': '1' });
    const file = tree.file('self/x');
    file.read();
    fs.files.set('/proc/self/x', 'read:ESRCH');
    expect(file.read()).toBe(false);
    expect(fs.openPaths.size).toBe(0);
    expect(tree.openFiles).toBe(0);
  });

  it('goes on with a file for each read when it may keep no more descriptors', () => {
    const { tree, fs } = fakeTree({ a: '1', b: '2' }, { maxOpenFiles: 1 });
    const a = tree.file('a');
    const b = tree.file('b');
    for (let i = 0; i < 3; i++) {
      expect(a.read()).toBe(true);
      expect(b.read()).toBe(true);
      expect(tree.scanner.text()).toBe('2');
    }
    expect(fs.opened).toBe(4);
    expect(fs.openPaths.size).toBe(1);
    a.close();
    expect(b.read()).toBe(true);
    expect(fs.openPaths.size).toBe(1);
    b.close();
    b.close();
    expect(fs.openPaths.size).toBe(0);
    expect(tree.openFiles).toBe(0);
  });

  it('does not mind that somebody else has closed its descriptor', () => {
    const { tree, fs } = fakeTree({ a: '1' });
    const file = tree.file('a');
    file.read();
    fs.openPaths.clear();
    expect(() => file.close()).not.toThrow();
  });
});

describe.skipIf(process.platform === 'win32')('a pipe without a writer, in the place of a file (needs mkfifo)', () => {
  it('cannot be read, and nobody waits for it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gridwatch-pipe-'));
    try {
      expect(spawnSync('mkfifo', [join(folder, 'pipe')]).status).toBe(0);
      const module = new URL('../../../../agent/agent-thread/host/proc.ts', import.meta.url);
      const read = `const { ProcTree } = await import(${JSON.stringify(module.href)});
        const file = new ProcTree({ root: ${JSON.stringify(folder)} }).file('pipe');
        console.log(file.read(), file.failure);`;
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', read], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      expect(stdout).toBe('false ESPIPE\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('ProcTree', () => {
  it('lists a folder, or nothing', () => {
    const { tree } = fakeTree({ 'self/task/1/comm': 'a', 'self/task/2/comm': 'b', 'self/task/2/stat': '' });
    expect(tree.list('self/task')).toEqual(['1', '2']);
    expect(tree.list('self/nothing')).toBeUndefined();
  });

  it('takes the files below self from another process where it is told to', () => {
    const { tree } = fakeTree(
      { 'self/cgroup': 'own', '7/cgroup': 'other', '7/task/8/comm': 'x', selfish: 'own' },
      { self: 7 },
    );
    expect([tree.readText('self/cgroup'), tree.readText('selfish'), tree.list('self/task')]).toEqual([
      'other',
      'own',
      ['8'],
    ]);
  });

  it('reads a small file as text, and keeps nothing open', () => {
    const { tree, fs } = fakeTree({ 'self/cgroup': '0::/\n', secret: 'EACCES' });
    expect(tree.readText('self/cgroup')).toBe('0::/\n');
    expect(tree.readText('secret')).toBeUndefined();
    expect(fs.openPaths.size).toBe(0);
  });
});

describe('Scanner', () => {
  it('reads numbers of a line', () => {
    const scanner = scannerOf('12  345 6789012345678 x\n7');
    expect([scanner.number(), scanner.number(), scanner.number(), scanner.number()]).toEqual([
      12,
      345,
      6789012345678,
      Number.NaN,
    ]);
    expect(scanner.nextLine()).toBe(true);
    expect([scanner.number(), scanner.number()]).toEqual([7, Number.NaN]);
    expect(scanner.nextLine()).toBe(false);
  });

  it('takes nothing from beyond the end', () => {
    const scanner = scannerOf('123456');
    scanner.reset(3);
    expect([scanner.number(), scanner.number()]).toEqual([123, Number.NaN]);
    scanner.reset(0);
    expect([scanner.peek(), scanner.number(), scanner.skipWord('1'), scanner.skipPastLast(0x31)]).toEqual([
      -1,
      Number.NaN,
      false,
      false,
    ]);
  });

  it('goes past words, fields and the last parenthesis', () => {
    const scanner = scannerOf('cpu0 (a) b) S 1 22 3');
    expect(scanner.skipWord('cpx')).toBe(false);
    expect(scanner.skipWord('cpu')).toBe(true);
    expect(scanner.number()).toBe(0);
    expect(scanner.skipPastLast(0x29)).toBe(true);
    scanner.skipFields(3);
    expect(scanner.number()).toBe(22);
    scanner.skipFields(99);
    expect(scanner.number()).toBeNaN();
  });
});

describe('reasonOf', () => {
  it.each([
    ['EACCES', 'no_permission'],
    ['EPERM', 'no_permission'],
    ['ERR_ACCESS_DENIED', 'no_permission'],
    ['ENOENT', 'unsupported_platform'],
    ['ESRCH', 'unsupported_platform'],
    ['EMFILE', 'failed'],
    ['unexpected content', 'failed'],
  ])('%s is %s', (failure, reason) => {
    expect(reasonOf(failure)).toBe(reason);
  });
});
