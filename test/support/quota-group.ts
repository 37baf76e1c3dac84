/**
 * A control group with a quota of CPU time, of cgroup v1 or v2, for a program that a test starts: `startNode` starts it inside. Runs in a test's own process. A group must
 * never outlive its test, however that ends.
 *
 * Hence a shell, which is not in the group, waits until the test's end of a pipe is closed; then it kills what is in the group, and removes it. When the test's process is
 * killed, the kernel closes the pipe.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 100_000;
/** Ctrl-C reaches the shell as well, and must not end it before its work. It fails when the group is still there after fifteen seconds. */
const KEEPER = `
trap '' INT TERM HUP
read -r end
left=150
while [ -d "$1" ] && ! rmdir "$1" 2>/dev/null; do
  left=$((left - 1)); [ $left -gt 0 ] || exit 1
  kill -9 $(cat "$1/cgroup.procs") 2>/dev/null
  sleep 0.1
done`;

/** What a shell does that is given the group's folder, and a command: it enters, and then is replaced by the command, which has its process id. */
const ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"';

/** The command, in the group of that folder. */
export function inGroup(folder: string, command: readonly string[]): [file: string, ...args: string[]] {
  return ['/bin/sh', '-c', ENTER, folder, ...command];
}

/** Where a group can be made. */
export interface GroupPlace {
  readonly version: 1 | 2;
  readonly parent: string;
}

/** Those that are there. */
const groups = new Set<QuotaGroup>();
let count = 0;

export class QuotaGroup implements AsyncDisposable {
  readonly folder: string;
  readonly #keeper: ChildProcess;
  readonly #keeperEnded: Promise<unknown>;

  /** A group that may use so many CPUs' worth of time in each tenth of a second. Throws where none can be made. */
  constructor(cpus: number) {
    const place = groupPlace(readFileSync('/proc/self/cgroup', 'utf8'));
    if (place === undefined) throw new Error('no control group is known here below which CPU time can be limited');
    this.folder = join(place.parent, `gridwatch-test-${process.pid}-${++count}`);
    /* Before there is a group, so that there is none that nobody would remove. */
    this.#keeper = spawn('/bin/sh', ['-c', KEEPER, 'sh', this.folder], { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#keeperEnded = once(this.#keeper, 'exit');
    groups.add(this);
    try {
      mkdirSync(this.folder);
      for (const [file, text] of settingsOf(place, cpus)) writeFileSync(join(this.folder, file), text);
    } catch (error) {
      this.#keeper.stdin?.end();
      throw error;
    }
  }

  /** Resolves when all that was in it is gone, and so is the group. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#keeper.stdin?.end();
    await this.#keeperEnded;
    groups.delete(this);
    if (existsSync(this.folder)) throw new Error(`the control group ${this.folder} is still there`);
  }
}

/** Removes what a test that was given up has left. */
export async function removeGroups(): Promise<void> {
  await Promise.all(Array.from(groups, async (group) => group[Symbol.asyncDispose]()));
}

/** Makes a group, enters it, and removes it: in one line why that is not possible, and `undefined` if it is. */
export async function whyNoQuotaGroup(): Promise<string | undefined> {
  try {
    await using group = new QuotaGroup(1);
    const [file, ...args] = inGroup(group.folder, ['true']);
    const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
    return status === 0 ? undefined : `nobody can enter it: ${stderr.trim()}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * As near as possible to this process's own group, whose limits are then those of the test's programs as well. In a group of v2 that has processes there can be none with
 * a quota; above it there can, where the controller is handed down.
 */
export function groupPlace(ownGroups: string, root: string = ROOT): GroupPlace | undefined {
  for (const [, controllers = '', path = ''] of ownGroups.matchAll(/^\d+:([^:\n]+):(.*)$/gm)) {
    if (!controllers.split(',').includes('cpu')) continue;
    const folders = [controllers, 'cpu'].flatMap((name) => [resolve(root, name, `.${path}`), join(root, name)]);
    const parent = folders.find((folder) => existsSync(join(folder, 'cgroup.procs')));
    return parent === undefined ? undefined : { version: 1, parent };
  }
  const names = /^0::(.*)$/m.exec(ownGroups)?.[1]?.split('/').filter(Boolean) ?? [];
  for (let depth = names.includes('..') ? 0 : names.length; depth >= 0; depth--) {
    const parent = join(root, ...names.slice(0, depth));
    if (handsDown(parent).includes('cpu')) return { version: 2, parent };
  }
  return undefined;
}

/** The controllers that the groups in this one have. */
function handsDown(folder: string): string[] {
  const file = join(folder, 'cgroup.subtree_control');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
}

/** The group is to use up its quota on a busy machine, too: its share is eight times that of another, and the quota is all that it can take. */
function settingsOf({ version }: GroupPlace, cpus: number): readonly (readonly [file: string, text: string])[] {
  const quotaUs = String(Math.round(cpus * PERIOD_US));
  if (version === 2) {
    return [
      ['cpu.max', `${quotaUs} ${PERIOD_US}`],
      ['cpu.weight', '800'],
    ];
  }
  return [
    ['cpu.cfs_period_us', String(PERIOD_US)],
    ['cpu.cfs_quota_us', quotaUs],
    ['cpu.shares', '8192'],
  ];
}
