/**
 * How the preload is found, made absolute and taken out again: against a model of how Node reads NODE_OPTIONS, which is
 * itself held against a real Node where quoting is odd.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  claimPreload,
  hasPreload,
  isGateFirst,
  nodeOptionsWithoutCode,
} from '../../../agent/app-thread/preload-argument.ts';

const FILE = '/opt/gridwatch/register.cjs';
const HREF = pathToFileURL(FILE).href;
const RELATIVE = `./${relative(process.cwd(), FILE)}`;
const NAME = 'gridwatch/register';

/** As `ParseNodeOptionsEnvVar` of Node's node_options.cc: undefined where Node refuses to start. */
function nodeTokens(text: string): string[] | undefined {
  const tokens: string[] = [];
  let isInString = false;
  let startsNew = true;
  for (let i = 0; i < text.length; i++) {
    let char = text[i] as string;
    if (char === '\\' && isInString) {
      if (i + 1 === text.length) return undefined;
      char = text[++i] as string;
    } else if (char === ' ' && !isInString) {
      startsNew = true;
      continue;
    } else if (char === '"') {
      isInString = !isInString;
      continue;
    }
    if (startsNew) tokens.push(char);
    else tokens[tokens.length - 1] += char;
    startsNew = false;
  }
  return isInString ? undefined : tokens;
}

const isOurs = (value: string | undefined): boolean =>
  value !== undefined && [NAME, FILE, HREF, RELATIVE].includes(value);

function withoutOurs(tokens: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    const [flag, attached] = /^(--require|--import)=(.*)$/s.exec(token)?.slice(1) ?? [token];
    if (!['--require', '-r', '--import'].includes(flag as string)) kept.push(token);
    else if (attached === undefined && isOurs(tokens[i + 1])) i++;
    else if (attached === undefined || !isOurs(attached)) kept.push(token);
  }
  return kept;
}

const execArgvBefore = process.execArgv;
const optionsBefore = process.env['NODE_OPTIONS'];

function given(execArgv: readonly string[], nodeOptions?: string): void {
  process.execArgv = [...execArgv];
  if (nodeOptions === undefined) delete process.env['NODE_OPTIONS'];
  else process.env['NODE_OPTIONS'] = nodeOptions;
}

beforeEach(() => given([]));

afterEach(() => {
  given(execArgvBefore, optionsBefore);
});

test('the model reads NODE_OPTIONS as this Node does', () => {
  const cases = [
    '--title=plain',
    '--title="a b"',
    '--title="a\\"b"',
    '--title="a\\\\b"',
    '--title=a\\b',
    '--title=x""y',
    '"--title=whole argument"',
    ' --title=first   --title=second ',
    '"" --title=after-nothing',
    '--ti"tle=in the middle"',
    '--title=tab\tin',
    '--title="unterminated',
    '--title="bad escape\\',
  ];
  for (const nodeOptions of cases) {
    const { status, stdout } = spawnSync(process.execPath, ['-p', 'process.title'], {
      env: { NODE_OPTIONS: nodeOptions },
      encoding: 'utf8',
    });
    const title = nodeTokens(nodeOptions)
      ?.findLast((token) => token.startsWith('--title='))
      ?.slice('--title='.length);
    expect({ nodeOptions, title: status === 0 ? stdout.slice(0, -1) : undefined }).toEqual({ nodeOptions, title });
  }
});

/** Arguments as a user would write them, quoted or not, ours among them, and the text of them all. */
const argument = fc.oneof(
  fc.constantFrom('--require', '-r', '--import', '--loader', '--title=x', '', ' ', '--inspect'),
  fc.constantFrom(NAME, FILE, HREF, RELATIVE, `--require=${NAME}`, `--import=${HREF}`, `--require=${FILE}`),
  fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '-', '=', 'é'), maxLength: 8 }),
);
const quoted = fc
  .tuple(argument, fc.boolean())
  .map(([text, isQuoted]) => (isQuoted ? `"${text.replace(/["\\]/g, '\\$&')}"` : text));
const nodeOptionsText = fc.array(quoted, { maxLength: 8 }).map((parts) => parts.join(' '));

describe('nodeOptionsWithoutCode', () => {
  const RUNS_CODE = ['--require', '-r', '--import', '--loader', '--experimental-loader'];

  test('leaves what Node would read without what runs code, and nothing else', () => {
    fc.assert(
      fc.property(nodeOptionsText, (text) => {
        const tokens = nodeTokens(text);
        fc.pre(tokens !== undefined);
        const kept = tokens.filter((token, i) => {
          const [flag] = token.split('=');
          return !RUNS_CODE.includes(flag as string) && !isValueOfCode(tokens, i);
        });
        expect(nodeTokens(nodeOptionsWithoutCode(text))).toEqual(kept);
      }),
      { numRuns: 3000 },
    );
  });

  /** True for the argument after a flag that is not itself an argument of one. */
  function isValueOfCode(tokens: readonly string[], i: number): boolean {
    const before = tokens[i - 1];
    return before !== undefined && RUNS_CODE.includes(before) && !isValueOfCode(tokens, i - 1);
  }

  test.each([
    ['', ''],
    [`--require ${FILE}`, ''],
    [`--require=${FILE} --inspect`, '--inspect'],
    [`--inspect --import ${HREF}`, '--inspect'],
    [`-r ${NAME} -r other`, ''],
    [`-r "" ${NAME}`, ''],
    ['--require', ''],
    [`--title=${FILE}`, `--title=${FILE}`],
    ['--experimental-loader ./l.mjs --loader=./l.mjs --dns-result-order=ipv4first', '--dns-result-order=ipv4first'],
    ['--experimental_loader ./l.mjs --trace-sync-io --title=x', '--title=x'],
    ['--required --imports --loaders', '--required --imports --loaders'],
  ])('%s -> %s', (before, after) => {
    expect(nodeOptionsWithoutCode(before)).toBe(after);
  });
});

test.each<[execArgv: unknown[], nodeOptions: string, isFirst: boolean]>([
  [['--require', FILE], '', true],
  [[], `--require=${FILE} --require other`, true],
  [['--require', FILE], '--require other', false],
  [['--require', FILE], '--import other', true],
  [['-r', 'other', '-r', FILE], '', false],
  [['--import', HREF], '', true],
  [['--import', 'other', '--import', HREF], '', false],
  [['--require', 'other', '--import', HREF], '', false],
  [['--experimental-loader', 'other', '--import', HREF], '', false],
  [['--experimental-loader=other', '--require', FILE], '', true],
  [['--require', FILE], '--require /app/.pnp.cjs --experimental-loader file:///app/.pnp.loader.mjs', true],
  [['--import', HREF], '--require /app/.pnp.cjs', true],
  [['--import', HREF], '--require /app/.pnp.cjs --experimental-loader file:///app/.pnp.loader.mjs', false],
  [[], '', false],
  [[undefined, 5, '--require'], '', false],
])('isGateFirst(%j, %j) is %j', (execArgv, nodeOptions, isFirst) => {
  expect(isGateFirst(execArgv, nodeOptions, FILE)).toBe(isFirst);
});

describe('claimPreload', () => {
  test.each<[how: string, execArgv: string[], after: string[], isImport: boolean]>([
    ['a bare name', ['--require', NAME], ['--require', FILE], false],
    ['a short flag', ['-r', NAME, '--inspect'], ['-r', FILE, '--inspect'], false],
    ['an attached name', [`--require=${NAME}`], [`--require=${FILE}`], false],
    ['a relative path', ['--require', RELATIVE], ['--require', FILE], false],
    ['an absolute path', ['--require', FILE], ['--require', FILE], false],
    ['an import by name', ['--import', NAME], ['--import', FILE], true],
    ['an import by URL', ['--import', HREF], ['--import', HREF], true],
    ['an attached import by URL', [`--import=${HREF}`], [`--import=${HREF}`], true],
    [
      'among others',
      ['-r', 'a', '--require', NAME, '--import', 'b'],
      ['-r', 'a', '--require', FILE, '--import', 'b'],
      false,
    ],
  ])('%s in execArgv', (_, execArgv, after, isImport) => {
    given(execArgv);
    expect(claimPreload(FILE)).toEqual({ file: FILE, inExecArgv: true, inNodeOptions: false, isImport });
    expect(process.execArgv).toEqual(after);
    expect(process.env['NODE_OPTIONS']).toBeUndefined();
  });

  test.each<[execArgv: string[], nodeOptions: string | undefined]>([
    [[], undefined],
    [['--require', 'other'], '--require other'],
    [['--require'], '  '],
    [['--title', NAME, FILE], `--title=${FILE}`],
    [['--require', 'gridwatch/registers'], '"-r"   "a b"'],
  ])('nobody else is touched: %j, %j', (execArgv, nodeOptions) => {
    given(execArgv, nodeOptions);
    expect(claimPreload(FILE)).toEqual({ file: FILE, inExecArgv: false, inNodeOptions: false, isImport: false });
    expect(process.execArgv).toEqual(execArgv);
    expect(process.env['NODE_OPTIONS']).toBe(nodeOptions);
  });

  test('NODE_OPTIONS that are absolute already stay as they were written', () => {
    const text = `  --require   "${FILE}"  --title="a  b" `;
    given([], text);
    expect(claimPreload(FILE)).toMatchObject({ inExecArgv: false, inNodeOptions: true });
    expect(process.env['NODE_OPTIONS']).toBe(text);
  });

  test('what is rewritten in NODE_OPTIONS means to Node what it meant before, but for our entry', () => {
    fc.assert(
      fc.property(nodeOptionsText, (text) => {
        const tokens = nodeTokens(text);
        fc.pre(tokens !== undefined);
        given([], text);
        const { inNodeOptions } = claimPreload(FILE);
        const after = nodeTokens(process.env['NODE_OPTIONS'] ?? '') ?? [];
        expect(withoutOurs(after)).toEqual(withoutOurs(tokens));
        expect(inNodeOptions).toBe(withoutOurs(tokens).length < tokens.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('a path that needs quoting still loads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'a "quoted" \\ path-'));
    try {
      const file = join(folder, 'register.cjs');
      writeFileSync(file, 'process.stdout.write("loaded ")');
      given([], `--require ${JSON.stringify(relative(process.cwd(), file)).replace(/^"/, '"./')} --title="x y"`);
      expect(claimPreload(file).inNodeOptions).toBe(true);
      const { stdout } = spawnSync(process.execPath, ['-p', 'process.title'], { cwd: '/', encoding: 'utf8' });
      expect(stdout).toBe('loaded x y\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test.each<[args: unknown[], isThere: boolean]>([
  [['--require', FILE], true],
  [[`--require=${FILE}`], true],
  [['--import', HREF], true],
  [['--require', NAME], false],
  [[], false],
  [[undefined, 5, {}], false],
])('hasPreload(%j) is %j', (args, isThere) => {
  expect(hasPreload(args, FILE)).toBe(isThere);
});
