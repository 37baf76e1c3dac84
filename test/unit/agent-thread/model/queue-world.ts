/** The queues of a world of threads, as the agent thread reads them. Used by the unit tests of the model; runs in the test's process. */
import { QueueCells } from '../../../../agent/agent-thread/model/queue-cells.ts';
import type { QueueFeature, QueueReader } from '../../../../agent/agent-thread/model/queue-totals.ts';
import { Queues } from '../../../../agent/agent-thread/model/queues.ts';
import { claimQueueCell, type QueueCell, type QueueKind } from '../../../../agent/shared-memory/queue-cells.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';
import { LockWorld, type WorldThread } from './lock-world.ts';

export class QueueWorld {
  readonly world: LockWorld = new LockWorld();
  readonly main: WorldThread = this.world.thread('main');
  readonly worker: WorldThread = this.world.thread('worker-1');
  readonly queues: Queues;
  readonly extra: QueueReader[] = [];
  off: QueueFeature[] = [];
  dropped = 0;

  constructor() {
    const { world } = this;
    const settings = { memory: world.memory, totals: world.queues, text: (number: number) => world.locks.text(number) };
    this.queues = new Queues({
      memory: world.memory,
      totals: world.queues,
      readers: [
        new QueueCells(settings),
        { read: (nowNs) => world.locks.index.readChannels(nowNs) },
        {
          read: (nowNs) => {
            for (const reader of this.extra) reader.read(nowNs);
          },
          end: (thread, nowNs) => {
            for (const reader of this.extra) reader.end?.(thread, nowNs);
          },
        },
      ],
      isOn: (feature) => !this.off.includes(feature),
      nowNs: () => world.nowNs,
      onDrop: (count) => void (this.dropped += count),
    });
  }

  /* Bound to the world: tests take them out of it. */

  readonly cell = (thread: WorldThread, name: string, kind: QueueKind): QueueCell => {
    const claimed = claimQueueCell(this.world.memory, thread.claim, this.world.name(name), kind);
    if (claimed === undefined) throw new Error('no cell is free');
    return claimed;
  };

  readonly collect = (): Written => collectFrom(this.queues);

  /** The one series of a metric that has this name. */
  readonly valueOf = (metric: string, name: string, written: Written = this.collect()): number | undefined => {
    const found = Object.entries(only(written, `gridwatch.${metric}`)).filter(([labels]) =>
      labels.startsWith(`gridwatch.queue.name=${name},`),
    );
    if (found.length > 1) throw new Error(`${metric} has ${found.length} series of the name ${name}`);
    return found[0]?.[1];
  };
}
