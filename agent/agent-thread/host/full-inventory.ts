/**
 * The whole inventory of the machine (`GRIDWATCH_INVENTORY=full`): what `gridwatch inventory` prints, asked for once, in a process of its own.
 *
 * Runs on the agent thread, which must not ask systeminformation itself: it spawns a dozen shells and waits for some of them, and an exit would wait
 * too. One process is started instead, without the program's environment, arguments and working folder, and only when the program has lived for a
 * moment. Nobody waits for it: neither the thread nor an exit, and exports only until a deadline, or a flush. Then it is killed with all its shells;
 * where the program ends before, it ends by itself within four seconds.
 */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { moduleUrl } from '../../package-root.ts';
import type { ResourceAttributes } from '../telemetry/resource.ts';
import type { ReportUnavailable } from './proc.ts';

/** A program that ends sooner has nothing spawned for it. */
const START_MS = 500;
/** Less than exports wait for the application's own resource anyway, and a little more than the process gives its shells. */
const DEADLINE_MS = 4500;
const MAX_OUTPUT_CHARS = 16_384;
const MAX_ATTRIBUTES = 64;
const MAX_VALUE_CHARS = 256;

/** What Node and a shell need to find and run what they run; the rest of the environment is nobody's business. */
const KEPT_VARIABLES: ReadonlySet<string> = new Set([
  'LD_LIBRARY_PATH',
  'PATH',
  'SYSTEMROOT',
  'WINDIR',
  'COMSPEC',
  'TEMP',
  'TMP',
  'PATHEXT',
]);

export interface FullInventorySettings {
  readonly env: NodeJS.ProcessEnv;
  readonly onUnavailable: ReportUnavailable;
  /** The program that prints the inventory, and its arguments; tests have others. */
  readonly command?: readonly string[];
  readonly startMs?: number;
  readonly deadlineMs?: number;
}

export class FullInventory {
  /** What the machine is; nothing when it cannot be found out in time. Never rejects. */
  readonly attributes: Promise<ResourceAttributes>;
  readonly #settings: FullInventorySettings;
  readonly #timers: NodeJS.Timeout[];
  #resolve: (attributes: ResourceAttributes) => void = () => {};
  #child: ChildProcess | undefined;
  #isSettled = false;

  constructor(settings: FullInventorySettings) {
    this.#settings = settings;
    const { startMs = START_MS, deadlineMs = DEADLINE_MS } = settings;
    this.attributes = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timers = [
      setTimeout(() => void this.#start(), startMs).unref(),
      setTimeout(() => this.#giveUp(), startMs + deadlineMs).unref(),
    ];
  }

  /** Nobody waits any longer; what has been spawned is left to end by itself. */
  settle(attributes: ResourceAttributes = {}): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#resolve(attributes);
  }

  async #start(): Promise<void> {
    try {
      const { spawn } = await import('node:child_process');
      const [file, ...args] = this.#settings.command ?? (await inventoryCommand());
      if (this.#isSettled) return;
      if (file === undefined) {
        this.#settings.onUnavailable('inventory', 'unsupported_platform', 'the program is its own Node');
        this.settle();
        return;
      }
      const isWindows = process.platform === 'win32';
      /* A group of its own, so that it can be killed with its shells, and a Ctrl-C is not for it. */
      const child = spawn(file, args, {
        cwd: isWindows ? undefined : '/',
        env: withoutSecrets(this.#settings.env),
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: !isWindows,
        windowsHide: true,
      });
      this.#child = child;
      child.unref();
      (child.stdout as unknown as { unref(): void }).unref();
      child.on('error', (error) => this.#fail(error));
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        if (text.length < MAX_OUTPUT_CHARS) text += chunk;
      });
      child.on('close', () => this.#take(text));
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #take(text: string): void {
    this.#kill();
    if (this.#isSettled) return;
    const attributes = parseAttributes(text);
    if (attributes === undefined) this.#fail(new Error('it does not answer'));
    else this.settle(attributes);
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#isSettled) return;
    const reason = error.code === 'ERR_ACCESS_DENIED' ? 'no_permission' : 'failed';
    this.#settings.onUnavailable('inventory', reason, `gridwatch inventory: ${error.code ?? error.message}`);
    this.settle();
  }

  #giveUp(): void {
    this.#fail(new Error('it takes too long'));
    this.#kill();
  }

  /** Its shells too: one that hangs outlives the process that has started it. */
  #kill(): void {
    const pid = this.#child?.pid;
    this.#child = undefined;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
    } catch {
      /* There is none left. */
    }
  }
}

/** Nothing where the executable is the program itself, which would be started a second time. */
async function inventoryCommand(): Promise<readonly string[]> {
  const { isSea } = await import('node:sea');
  if (isSea() || 'pkg' in process || 'electron' in process.versions) return [];
  return [process.execPath, fileURLToPath(moduleUrl('cli/main')), 'inventory'];
}

function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => KEPT_VARIABLES.has(name.toUpperCase())));
}

/** Names and plain values; undefined when it is anything else. */
function parseAttributes(text: string): ResourceAttributes | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const isGood = ([, one]: readonly [string, unknown]): boolean =>
    typeof one === 'string' ? one.length <= MAX_VALUE_CHARS : typeof one === 'number';
  return Object.fromEntries(Object.entries(value).filter(isGood).slice(0, MAX_ATTRIBUTES)) as ResourceAttributes;
}
