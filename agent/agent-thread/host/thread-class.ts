/**
 * What the threads of a Node process that run none of the program's JavaScript are for, told from their names in the kernel.
 *
 * Runs on the agent thread. Pure functions only. Names as seen on Node 22.23, 24.21 and 26.10:
 *
 *     Node 22  node (or the process title) for main, workers, V8's four and the signal inspector; DelayedTaskSche; libuv-worker
 *     Node 24  MainThread, V8Worker, DelayedTaskSche, libuv-worker, SignalInspector, InspectorIo, WorkerThread or the worker's name
 *     Node 26  node-MainThread, node-V8Worker, otherwise as 24
 */
export type HelperClass = 'libuv' | 'v8' | 'other';

export interface NamedThread {
  readonly osThreadId: number;
  /** At most 15 characters, as the kernel keeps it. */
  readonly name: string;
}

const V8_SCHEDULER = 'DelayedTaskSche';

/** `--v8-pool-size`'s default: the threads that Node starts right after V8's scheduler. */
const V8_POOL_SIZE = 4;

/** The classes of threads, those that run the program's JavaScript left out by the caller. */
export function classifyThreads(threads: readonly NamedThread[]): Map<number, HelperClass> {
  const classes = new Map<number, HelperClass>();
  let namelessV8Left = 0;
  for (const { osThreadId, name } of threads.toSorted((a, b) => a.osThreadId - b.osThreadId)) {
    const helperClass = classOfName(name);
    // On Node 22 V8's workers bear the process's own name: only their place tells them apart.
    const isNamelessV8 = helperClass === 'other' && namelessV8Left > 0;
    if (isNamelessV8) namelessV8Left--;
    else namelessV8Left = name === V8_SCHEDULER ? V8_POOL_SIZE : 0;
    classes.set(osThreadId, isNamelessV8 ? 'v8' : helperClass);
  }
  return classes;
}

function classOfName(name: string): HelperClass {
  // "iou-wrk" and "iou-sqp" are the kernel's threads for the io_uring of libuv.
  if (name === 'libuv-worker' || name.startsWith('iou-')) return 'libuv';
  if (name === V8_SCHEDULER || name === 'V8Worker' || name === 'node-V8Worker' || name.startsWith('v8:')) return 'v8';
  return 'other';
}
