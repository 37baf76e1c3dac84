/** Groups with a quota: where they would be made, in trees of files; where this machine lets them be made, that programs are in them and that none is left. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { firstLine } from './first-line.ts';
import { groupPlace, QuotaGroup, removeGroups, whyNoQuotaGroup } from './quota-group.ts';
import { runNode, startNode } from './run-node.ts';

const root = mkdtempSync(join(tmpdir(), 'gridwatch-groups-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A tree like that below /sys/fs/cgroup. */
function tree(name: string, files: Readonly<Record<string, string>>): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(root, name, file, '..'), { recursive: true });
    writeFileSync(join(root, name, file), text);
  }
  return join(root, name);
}

describe('a group is made', () => {
  it('below the own one of the controller of cgroup v1, whatever its folder is called', () => {
    const alone = tree('alone', { 'cpu/cgroup.procs': '', 'cpu/job/cgroup.procs': '' });
    expect(groupPlace('2:cpuset:/\n1:cpu:/job\n0::/', alone)).toEqual({ version: 1, parent: join(alone, 'cpu/job') });
    const joint = tree('joint', { 'cpu,cpuacct/cgroup.procs': '' });
    expect(groupPlace('4:cpu,cpuacct:/\n', joint)).toEqual({ version: 1, parent: join(joint, 'cpu,cpuacct') });
  });

  it('below the root of cgroup v1 where the path is that of a host that is not seen', () => {
    const inside = tree('inside', { 'cpu/cgroup.procs': '' });
    expect(groupPlace('1:cpu:/docker/abc', inside)).toEqual({ version: 1, parent: join(inside, 'cpu') });
  });

  it('in the nearest group of cgroup v2 that hands the controller down', () => {
    const v2 = tree('v2', {
      'cgroup.subtree_control': 'cpuset cpu io\n',
      'user.slice/cgroup.subtree_control': 'cpu pids\n',
      'user.slice/session.scope/cgroup.subtree_control': '\n',
    });
    const parent = join(v2, 'user.slice');
    expect(groupPlace('0::/user.slice/session.scope\n', v2)).toEqual({ version: 2, parent });
    expect(groupPlace('0::/../../elsewhere\n', v2)).toEqual({ version: 2, parent: v2 });
  });

  it('nowhere, if none hands it down', () => {
    const none = tree('none', { 'cgroup.subtree_control': 'cpuset\n' });
    expect(groupPlace('0::/\n', none)).toBeUndefined();
    expect(groupPlace('1:cpu:/\n0::/\n', none)).toBeUndefined();
    expect(groupPlace('', none)).toBeUndefined();
  });
});

const reason = await whyNoQuotaGroup();

/** Where the first process of a container collects nobody, a process whose parent is gone stays a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a program in a group', () => {
  beforeEach(({ skip }) => {
    if (reason !== undefined) skip(`no group with a quota can be made here: ${reason}`);
  });

  const ownGroup = 'process.stdout.write(require("node:fs").readFileSync("/proc/self/cgroup"))';

  it('is in it from its start, with its own arguments, and is stopped when it uses up the quota', async () => {
    await using group = new QuotaGroup(0.1);
    const spin = 'const end = Date.now() + 500; while (Date.now() < end);';
    const args = ['-e', `${ownGroup}; ${spin}`, 'a b', '$c'];
    const { stdout, exitCode } = await runNode({ args, groupFolder: group.folder });
    expect({ exitCode, isIn: stdout.includes(basename(group.folder)) }).toEqual({ exitCode: 0, isIn: true });
    expect(readFileSync(join(group.folder, 'cpu.stat'), 'utf8')).toMatch(/^nr_throttled [1-9]/m);
  });

  it('is killed when the group is removed', async () => {
    const group = new QuotaGroup(1);
    const program = startNode({ args: ['-e', 'setInterval(() => {}, 1000)'], groupFolder: group.folder });
    await eventually('the program to be in', () => readFileSync(join(group.folder, 'cgroup.procs'), 'utf8') !== '');
    await removeGroups();
    expect({ signal: (await program.ended).signal, isThere: existsSync(group.folder) }).toEqual({
      signal: 'SIGKILL',
      isThere: false,
    });
  });

  it('is killed, and the group removed, when the process of the test is killed', async () => {
    const [groupFile, runFile] = ['quota-group.ts', 'run-node.ts'].map((file) => new URL(file, import.meta.url).href);
    const test = `
      import { QuotaGroup } from '${groupFile}';
      import { startNode } from '${runFile}';
      const { folder } = new QuotaGroup(1);
      const program = startNode({ args: ['-e', 'console.log(1); setInterval(() => {}, 1000)'], groupFolder: folder });
      await program.waitForOutput('1');
      console.log(JSON.stringify({ folder, pid: program.child.pid }));`;
    const running = startNode({ args: ['--input-type=module', '-e', test] });
    const { folder, pid } = JSON.parse(await firstLine(running.child)) as { folder: string; pid: number };
    expect({ isThere: existsSync(folder), runs: isRunning(pid) }).toEqual({ isThere: true, runs: true });
    running.child.kill('SIGKILL');
    await running.ended;
    await eventually('the group to be gone', () => !existsSync(folder));
    await eventually('the program to be gone', () => !isRunning(pid));
  });
});
