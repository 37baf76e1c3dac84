/**
 * Packages of connection pools in two copies, one as it is and one patched, and what a tracker of queues has counted, read as the agent thread reads it.
 * Runs in a test's own process.
 */
import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { declaredBy } from '../../agent/app-thread/instrumentation/patch.ts';
import { QUEUE_NAMES, QUEUE_PATCHES } from '../../agent/app-thread/instrumentation/queues/patches.ts';
import { QUEUES } from '../../agent/app-thread/instrumentation/queues/table.ts';
import { QueueTracker } from '../../agent/app-thread/queues/queue-tracker.ts';
import { Recorder } from '../../agent/app-thread/recorder.ts';
import { featureBits } from '../../agent/config/feature-bits.ts';
import { resolveConfig } from '../../agent/config/resolve.ts';
import { HistogramReader, HistogramTotal } from '../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../agent/shared-memory/names.ts';
import { QUEUE_CELL, scanQueueCells } from '../../agent/shared-memory/queue-cells.ts';
import { claimSlot } from '../../agent/shared-memory/registry.ts';

export interface QueueCounts {
  readonly kind: string;
  readonly arrivals: number;
  readonly completions: number;
  readonly rejections: number;
  readonly aborts: number;
  readonly errors: number;
  readonly size: number;
  readonly active: number;
  readonly threads: number;
  readonly limit: number;
  readonly waits: number;
  readonly services: number;
}

export class ConnectionTracking {
  readonly memory: ControlMemory = ControlMemory.create(process.hrtime()[0]);
  readonly tracker: QueueTracker;

  constructor() {
    const claim = claimSlot(this.memory, {
      parentThreadId: -1,
      name: 'main',
      file: '',
      nowNs: 1,
      spawnContext: undefined,
      spawnSite: '',
    });
    if (claim === undefined) throw new Error('a new memory has no free slot');
    this.tracker = new QueueTracker(new Recorder(this.memory, claim), resolveConfig({}, {}).config);
  }

  switchOff(): void {
    Atomics.store(this.memory.i32, HEADER.FEATURES_OFF >> 2, featureBits(['queues']));
  }

  /** What was counted, by name. */
  get queues(): Record<string, QueueCounts> {
    const found: Record<string, QueueCounts> = {};
    scanQueueCells(this.memory, (at, _, nameNumber, kind) => {
      const word = (field: number): number => this.memory.i32[(at + field) >> 2] as number;
      const count = (field: number): number => {
        const total = new HistogramTotal('waits');
        new HistogramReader(this.memory.buffer, at + field).addNewTo(total);
        return total.counts.reduce((sum, cell) => sum + cell, 0);
      };
      found[lookUpName(this.memory, nameNumber)] = {
        kind,
        arrivals: word(QUEUE_CELL.ARRIVALS),
        completions: word(QUEUE_CELL.COMPLETIONS),
        rejections: word(QUEUE_CELL.REJECTIONS),
        aborts: word(QUEUE_CELL.ABORTS),
        errors: word(QUEUE_CELL.ERRORS),
        size: word(QUEUE_CELL.SIZE),
        active: word(QUEUE_CELL.ACTIVE),
        threads: word(QUEUE_CELL.THREADS),
        limit: word(QUEUE_CELL.LIMIT),
        waits: count(QUEUE_CELL.WAITS),
        services: count(QUEUE_CELL.SERVICES),
      };
    });
    return found;
  }

  /** The one queue there is. */
  get only(): QueueCounts {
    const [counts, ...more] = Object.values(this.queues);
    if (counts === undefined || more.length > 0) throw new Error(`queues: ${Object.keys(this.queues).join()}`);
    return counts;
  }
}

const require = createRequire(import.meta.url);

/** A copy of a CommonJS package of its own; patched when there is a tracker. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it loads
export function packageCopy<T>(name: string, tracker?: QueueTracker): T {
  const main = require.resolve(name);
  const folder =
    main.slice(0, main.lastIndexOf(`${sep}node_modules${sep}`)) + sep + ['node_modules', name, ''].join(sep);
  for (const file of Object.keys(require.cache)) if (file.startsWith(folder)) delete require.cache[file];
  const loaded = require(name) as T;
  if (tracker !== undefined) {
    for (const { file } of QUEUES.find(({ module }) => module === name)?.files ?? []) {
      const module = require.cache[`${folder}${file.replaceAll('/', sep)}`];
      if (module !== undefined)
        QUEUE_PATCHES[name]?.(
          declaredBy(module as unknown as Record<string, unknown>, QUEUE_NAMES[`${name}/${file}`]),
          tracker,
        );
    }
  }
  return loaded;
}
