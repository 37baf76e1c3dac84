/** The classes of threads that run no JavaScript, by their names on each line of Node. */
import { describe, expect, it } from 'vitest';
import { ProcTaskDirectory } from '../../../../agent/agent-thread/host/task.ts';
import { classifyThreads } from '../../../../agent/agent-thread/host/thread-class.ts';
import { recordedTree } from './proc-fixtures.ts';

describe('classifyThreads', () => {
  const classesOf = (names: readonly string[]) => [
    ...classifyThreads(names.map((name, i) => ({ osThreadId: 100 + i, name }))).values(),
  ];

  it('knows the threads of Node 24 and 26 by name', () => {
    expect(
      classesOf(['DelayedTaskSche', 'V8Worker', 'V8Worker', 'SignalInspector', 'InspectorIo', 'libuv-worker']),
    ).toEqual(['v8', 'v8', 'v8', 'other', 'other', 'libuv']);
    expect(classesOf(['node-V8Worker', 'iou-sqp-1234', 'tokio-runtime-w'])).toEqual(['v8', 'libuv', 'other']);
  });

  it("knows V8's threads of Node 22 by their place", () => {
    const names = ['DelayedTaskSche', 'shop', 'shop', 'shop', 'shop', 'shop', 'libuv-worker', 'shop'];
    expect(classesOf(names)).toEqual(['v8', 'v8', 'v8', 'v8', 'v8', 'other', 'libuv', 'other']);
  });

  it('goes by the number of the thread, not by the order of the list', () => {
    const threads = [
      { osThreadId: 7, name: 'node' },
      { osThreadId: 5, name: 'DelayedTaskSche' },
      { osThreadId: 6, name: 'node' },
    ];
    expect(Object.fromEntries(classifyThreads(threads))).toEqual({ 5: 'v8', 6: 'v8', 7: 'v8' });
  });

  it('counts the helpers of a recorded process of Node 22 right', () => {
    const proc = recordedTree('node-22');
    // No thread-self in this tree: the names alone are asked for.
    const directory = new ProcTaskDirectory({ proc, onUnavailable: () => {} });
    expect(directory.hasCpuTime).toBe(false);
    const threads = (proc.list('self/task') ?? []).map((id) => ({
      osThreadId: Number(id),
      name: proc.readText(`self/task/${id}/comm`)?.trimEnd() ?? '',
    }));
    const isOurs = new Set([4000, 4016, 4017]);
    const classes = [...classifyThreads(threads.filter(({ osThreadId }) => !isOurs.has(osThreadId))).values()];
    expect(classes.toSorted()).toEqual([...Array(4).fill('libuv'), 'other', ...Array(5).fill('v8')]);
  });
});
