/** How `gridwatch run` reads its arguments: its own option, Node's, and where the program begins. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRunArguments, VALUE_OPTIONS } from '../../../agent/cli/arguments.ts';

function read(line: string): ReturnType<typeof readRunArguments> {
  return readRunArguments(line.split(' ').filter(Boolean));
}

function reasonOf(line: string): string {
  const request = read(line);
  return request.kind === 'refused' ? request.reason : `not refused: ${JSON.stringify(request)}`;
}

describe('readRunArguments', () => {
  it.each([
    ['app.js', false, 'app.js', 'app.js'],
    ['--ui app.js a b', true, 'app.js a b', 'app.js'],
    ['--inspect --ui app.js', true, '--inspect app.js', 'app.js'],
    ['-r ./x.js --ui app.js', true, '-r ./x.js app.js', 'app.js'],
    ['--require=./x.js --ui app.js', true, '--require=./x.js app.js', 'app.js'],
    ['--import ./x.mjs --env-file .env --ui app.js', true, '--import ./x.mjs --env-file .env app.js', 'app.js'],
    ['--no-warnings app.js --ui', false, '--no-warnings app.js --ui', 'app.js'],
    ['app.js --help', false, 'app.js --help', 'app.js'],
    ['--max-old-space-size=100 app.js', false, '--max-old-space-size=100 app.js', 'app.js'],
    ['--expose-gc app.js', false, '--expose-gc app.js', 'app.js'],
    ['--ui -- app.js --ui', true, '-- app.js --ui', 'app.js'],
    ['-- --ui', false, '-- --ui', '--ui'],
    ['--ui -', true, '-', '-'],
    ['-e 1+1 --ui', true, '-e 1+1', undefined],
    ['--test', false, '--test', undefined],
    ['-pe 1 x', false, '-pe 1 x', 'x'],
  ])('%s', (line, hasView, nodeArguments, script) => {
    expect(read(line)).toEqual({ kind: 'run', hasView, nodeArguments: nodeArguments.split(' '), script });
  });

  it('asks for help only before the program', () => {
    expect(read('--help')).toEqual({ kind: 'help' });
    expect(read('--ui -h app.js')).toEqual({ kind: 'help' });
  });

  it('refuses what is neither its own nor an option of Node, and says where it may belong', () => {
    expect(reasonOf('--uii app.js')).toMatch(/^--uii is neither --ui, .* nor an option of Node .* after the script\.$/);
    expect(reasonOf('--ui=1 app.js')).toBe('--ui takes no value: write --ui alone, or leave it out.');
    expect(reasonOf('')).toContain('gridwatch run --ui app.js');
    expect(reasonOf('--ui')).toContain('there is no script');
  });

  it('knows the words that people put before a program', () => {
    expect(reasonOf('--ui node app.js')).toContain('leave out the word "node"');
    expect(reasonOf('npm start')).toContain('NODE_OPTIONS="--require $(npx gridwatch path)" npm');
  });

  it('hands everything after the program on, word for word', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        const request = readRunArguments(['--no-warnings', 'app.js', ...words]);
        expect(request).toMatchObject({ kind: 'run', nodeArguments: ['--no-warnings', 'app.js', ...words] });
      }),
    );
  });
});

describe('VALUE_OPTIONS', () => {
  it('has every option of this Node whose value may be the next argument', () => {
    const { stdout } = spawnSync(process.execPath, ['--help'], { encoding: 'utf8' });
    // An option without brackets around its value: `-r, --require=...`, `--debug-port, --inspect-port=[host:]port`.
    const lines = [...stdout.matchAll(/^ {2}((?:-[^\s=,]+, )*-[^\s=,[]+)=(?:\.\.\.|\[host:\]port)/gm)];
    // Listed beside the option that it is a shorthand for, it takes no value itself.
    const names = lines
      .flatMap(([, all = '']) => all.split(', '))
      .filter((name) => !name.includes('-default-config-file'));
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !VALUE_OPTIONS.has(name))).toEqual([]);
  });
});
