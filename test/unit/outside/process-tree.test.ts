/** Which processes belong to a program, and that their CPU time is counted once, whoever waits for whom. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readProcessStat, readUptimeNs } from '../../../agent/outside/process-stat.ts';
import { ProcessTree } from '../../../agent/outside/process-tree.ts';
import { FakeKernel, TICK_NS } from './fake-kernel.ts';

/** The process that has started the root, as `gridwatch observe` does. */
const WAITER = 50;
const ROOT = 100;

function treeOf(kernel: FakeKernel, waiterPid: number | undefined = WAITER): ProcessTree {
  return new ProcessTree({ proc: kernel.tree, rootPid: ROOT, waiterPid });
}

function pidsOf(tree: ProcessTree): number[] {
  return Array.from(tree.living, ({ pid }) => pid).toSorted((a, b) => a - b);
}

function ticksOf({ cpu }: ProcessTree): [user: number, system: number] {
  return [cpu.userNs / TICK_NS, cpu.systemNs / TICK_NS];
}

function started(): { kernel: FakeKernel; tree: ProcessTree } {
  const kernel = new FakeKernel();
  const tree = treeOf(kernel);
  kernel.start(ROOT, WAITER);
  tree.scan();
  return { kernel, tree };
}

describe('readProcessStat', () => {
  it('reads past a name of any kind', () => {
    const { kernel } = started();
    kernel.write('7/task/8/stat', '8 (x) R 1 2) S 100 2 3 0 -1 4 5 6 7 8 31 17 5 6 20 0 9 0 55 1000 0\n');
    expect(readProcessStat(kernel.tree, '7/task/8')).toEqual({
      parentPid: 100,
      own: { userNs: 31e7, systemNs: 17e7 },
      reaped: { userNs: 5e7, systemNs: 6e7 },
      threadCount: 9,
      startNs: 55e7,
    });
  });

  it.each([undefined, '', 'nonsense', '8 (x) S 1 2', 'read:ESRCH', 'EACCES'])('does not believe %j', (content) => {
    const { kernel } = started();
    kernel.write('7/stat', content);
    expect(readProcessStat(kernel.tree, '7')).toBeUndefined();
  });

  it('reads how long the machine is up, or does not', () => {
    const { kernel } = started();
    expect(readUptimeNs(kernel.tree)).toBeUndefined();
    kernel.write('uptime', '12.34 20.00\n');
    expect(readUptimeNs(kernel.tree)).toBe(12.34e9);
  });
});

describe('who belongs to a program', () => {
  it('its descendants, in whatever order they are listed, and nobody else', () => {
    const { kernel, tree } = started();
    kernel.start(70, 60);
    kernel.start(60, ROOT);
    kernel.start(80, 70);
    kernel.start(200, WAITER);
    tree.scan();
    expect(pidsOf(tree)).toEqual([60, 70, 80, ROOT]);
    expect([tree.seenProcesses, tree.threadCount, tree.mostThreads]).toEqual([4, 4, 4]);
  });

  it('P2 one whose parent has ended since, too', () => {
    const { kernel, tree } = started();
    kernel.start(60, ROOT);
    kernel.start(70, 60);
    tree.scan();
    kernel.exit(60);
    kernel.reap(60);
    tree.scan();
    expect(pidsOf(tree)).toEqual([70, ROOT]);
    kernel.start(80, 70);
    tree.scan();
    expect(pidsOf(tree)).toEqual([70, 80, ROOT]);
  });

  it('not one that has got the number of one that ended', () => {
    const { kernel, tree } = started();
    kernel.start(60, ROOT);
    kernel.work(60, 5);
    tree.scan();
    kernel.exit(60);
    kernel.reap(60);
    kernel.start(60, 1);
    kernel.work(60, 1000);
    tree.scan();
    tree.scan();
    expect(pidsOf(tree)).toEqual([ROOT]);
    expect(ticksOf(tree)).toEqual([5, 0]);
  });

  it('ends with the root', () => {
    const { kernel, tree } = started();
    expect(tree.hasRoot).toBe(true);
    kernel.exit(ROOT);
    tree.scan();
    expect(tree.hasRoot).toBe(true);
    kernel.reap(ROOT);
    tree.scan();
    expect(tree.hasRoot).toBe(false);
  });
});

describe('the CPU time of a program', () => {
  it('is that of processes nobody has seen, too', () => {
    const { kernel, tree } = started();
    kernel.start(60, ROOT);
    kernel.work(60, 7, 2);
    kernel.exit(60);
    kernel.reap(60);
    tree.scan();
    expect(ticksOf(tree)).toEqual([7, 2]);
  });

  it('is that of a root nobody has seen, too', () => {
    const kernel = new FakeKernel();
    kernel.start(99, WAITER);
    kernel.work(99, 1000);
    kernel.exit(99);
    kernel.reap(99);
    const tree = treeOf(kernel);
    kernel.start(ROOT, WAITER);
    kernel.work(ROOT, 3, 1);
    kernel.exit(ROOT);
    kernel.reap(ROOT);
    tree.scan();
    expect(ticksOf(tree)).toEqual([3, 1]);
  });

  it('of one that was there before is all that it has used', () => {
    const kernel = new FakeKernel();
    kernel.start(ROOT, 1);
    kernel.work(ROOT, 11);
    kernel.start(60, ROOT);
    kernel.work(60, 4);
    kernel.exit(60);
    kernel.reap(60);
    const tree = treeOf(kernel, undefined);
    tree.scan();
    expect(ticksOf(tree)).toEqual([15, 0]);
    kernel.work(ROOT, 1);
    kernel.exit(ROOT);
    kernel.reap(ROOT);
    tree.scan();
    expect(ticksOf(tree)).toEqual([15, 0]);
  });

  it('of a child that init waits for is its own, and takes nothing from the others', () => {
    const { kernel, tree } = started();
    kernel.start(60, ROOT);
    kernel.start(70, 60);
    kernel.work(70, 9);
    tree.scan();
    kernel.exit(60);
    kernel.reap(60);
    tree.scan();
    kernel.exit(70);
    kernel.reap(70);
    kernel.work(ROOT, 2);
    tree.scan();
    kernel.exit(ROOT);
    kernel.reap(ROOT);
    tree.scan();
    expect(ticksOf(tree)).toEqual([11, 0]);
  });

  it('P1 is what its parent is told in the end, never shrinks, and is never more, whenever one looks', () => {
    const step = fc.record({ what: fc.nat(5), who: fc.nat(1000), ticks: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), (steps) => {
        const { kernel, tree } = started();
        const alive = [ROOT];
        const zombies = new Set<number>();
        let used = 0;
        let last = 0;
        const look = (): void => {
          tree.scan();
          const [user] = ticksOf(tree);
          expect(user).toBeGreaterThanOrEqual(last);
          expect(user).toBeLessThanOrEqual(used);
          last = user;
        };
        /** Only who has no children left ends: so that nobody is init's, whom nobody would tell of them. */
        const end = (pid: number): void => {
          for (const child of kernel.childrenOf(pid)) {
            if (!zombies.has(child)) end(child);
            kernel.reap(child);
            zombies.delete(child);
          }
          kernel.exit(pid);
          zombies.add(pid);
          alive.splice(alive.indexOf(pid), 1);
        };
        let nextPid = ROOT + 1;
        for (const { what, who, ticks } of steps) {
          const pid = alive[who % alive.length] as number;
          if (what <= 1) {
            kernel.work(pid, ticks);
            used += ticks;
          } else if (what === 2) {
            kernel.start(nextPid, pid);
            alive.push(nextPid++);
          } else if (what === 3 && pid !== ROOT) {
            end(pid);
          } else if (what === 4 && zombies.size > 0) {
            const zombie = [...zombies][who % zombies.size] as number;
            kernel.reap(zombie);
            zombies.delete(zombie);
          } else if (what === 5) look();
        }
        end(ROOT);
        kernel.reap(ROOT);
        look();
        expect(last).toBe(used);
      }),
      { numRuns: 2000 },
    );
  });
});
