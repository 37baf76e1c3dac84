/**
 * Starts a program in a Node process of its own, with the agent or without, and gives back all that a shell would see of
 * it. Runs in a test's own process. The child's environment is made anew: nothing of the test runner's, of the
 * developer's Node or OpenTelemetry settings reaches it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultNode, type NodeBinary } from './nodes.ts';
import { inGroup } from './quota-group.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Beyond this a child is killed: no program of a test runs so long, even on a machine that is busy. */
const DEFAULT_DEADLINE_MS = 100_000;

/** How the agent gets into the program. */
export type AgentRoute = 'require' | 'import' | 'NODE_OPTIONS';

export interface RunOptions {
  /** Node's own options, the program and its arguments. */
  readonly args: readonly string[];
  /** The Node to start; by default `defaultNode()`. */
  readonly node?: NodeBinary;
  /** `true` stands for `--require`. */
  readonly withAgent?: boolean | AgentRoute;
  /** The gate to load instead of the repository's, for tests of an installed package. */
  readonly registerFile?: string;
  /** Added to a bare environment. `undefined` takes a variable out of it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The control group that it is in before it is Node: that of a `QuotaGroup`. */
  readonly groupFolder?: string;
  /** Written to the child's standard input, which then ends. */
  readonly stdin?: string;
  /** Its standard input ends with `endInput()` only: such a program runs until what the test waits for has come. */
  readonly isInputOpen?: boolean;
  /** After this many milliseconds the child is killed with SIGKILL; default 100 000. */
  readonly deadlineMs?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly isPastDeadline: boolean;
  readonly durationMs: number;
}

export interface RunningNode {
  readonly child: ChildProcess;
  /** What it has written to standard output so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly endInput: () => void;
  /** Resolves once standard output holds `text`; rejects when the child ends before. */
  readonly waitForOutput: (text: string) => Promise<void>;
  readonly ended: Promise<RunResult>;
}

/** Node's arguments for a program that does nothing until its input ends, and ends then: it is given `isInputOpen`. */
export const UNTIL_ITS_INPUT_ENDS: readonly string[] = ['-e', 'process.stdin.resume()'];

/** Runs a program to its end. Rejects only when it could not be started. */
export async function runNode(options: RunOptions): Promise<RunResult> {
  return startNode(options).ended;
}

/** Starts a program that the test has something to do with while it runs. */
export function startNode(options: RunOptions): RunningNode {
  const node = options.node ?? defaultNode();
  const { args, env } = withRoute(options, node);
  const startedMs = performance.now();
  const command = [node.file, ...args] as const;
  const [file, ...fileArgs] = options.groupFolder === undefined ? command : inGroup(options.groupFolder, command);
  const child = spawn(file, fileArgs, { env, cwd: options.cwd ?? ROOT, stdio: 'pipe' });
  let isPastDeadline = false;
  const deadline = setTimeout(() => {
    isPastDeadline = true;
    child.kill('SIGKILL');
  }, options.deadlineMs ?? DEFAULT_DEADLINE_MS);
  const stdout = new Output(child.stdout);
  const stderr = new Output(child.stderr);
  // A program that ends without reading closes the pipe under the writer; that is its good right.
  child.stdin.on('error', () => {});
  if (options.isInputOpen === true) child.stdin.write(options.stdin ?? '');
  else child.stdin.end(options.stdin ?? '');
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.once('error', (error) => {
      clearTimeout(deadline);
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(deadline);
      const durationMs = performance.now() - startedMs;
      resolve({ stdout: stdout.text(), stderr: stderr.text(), exitCode, signal, isPastDeadline, durationMs });
    });
  });
  const waitForOutput = async (text: string): Promise<void> => {
    const isWritten = new Promise<void>((resolve) => stdout.onceItHolds(text, resolve));
    const hasEnded = ended.then(({ signal, exitCode, stderr: reason }) => {
      if (stdout.text().includes(text)) return;
      const how = `the program ended (${signal ?? exitCode}) before it wrote ${JSON.stringify(text)}`;
      throw new Error(`${how}: ${reason}`);
    });
    await Promise.race([isWritten, hasEnded]);
  };
  return {
    child,
    stdout: () => stdout.text(),
    stderr: () => stderr.text(),
    endInput: () => child.stdin.end(),
    waitForOutput,
    ended,
  };
}

/** Node 22 warns when it runs TypeScript, so only the build is invisible there; `GRIDWATCH_TEST_DIST=1` takes it everywhere. */
function registerFileFor(node: NodeBinary): string {
  const isBuilt = node.major < 24 || process.env['GRIDWATCH_TEST_DIST'] === '1';
  const file = `${ROOT}${isBuilt ? 'dist' : 'agent'}/register.cjs`;
  if (!existsSync(file)) throw new Error(`${file} does not exist${isBuilt ? '; `npm run build` makes it' : ''}`);
  return file;
}

/** What a program needs to start at all. */
const KEPT_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH'];

function withRoute(options: RunOptions, node: NodeBinary): { args: string[]; env: Record<string, string> } {
  const env: Record<string, string> = {};
  const given = { ...Object.fromEntries(KEPT_VARIABLES.map((name) => [name, process.env[name]])), ...options.env };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) env[name] = value;
  const args = [...options.args];
  const route = options.withAgent === true ? 'require' : options.withAgent;
  if (route === undefined || route === false) return { args, env };
  const file = options.registerFile ?? registerFileFor(node);
  if (route === 'require') args.unshift('--require', file);
  else if (route === 'import') args.unshift('--import', file);
  else env['NODE_OPTIONS'] = `${env['NODE_OPTIONS'] ?? ''} --require ${JSON.stringify(file)}`.trim();
  return { args, env };
}

/** What a child has written so far. */
class Output {
  readonly #chunks: Buffer[] = [];
  readonly #watches = new Set<() => void>();

  constructor(stream: NodeJS.ReadableStream) {
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      for (const watch of this.#watches) watch();
    });
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  onceItHolds(text: string, found: () => void): void {
    const watch = (): void => {
      if (!this.text().includes(text)) return;
      this.#watches.delete(watch);
      found();
    };
    this.#watches.add(watch);
    watch();
  }
}
