/**
 * Export requests that have not been delivered yet, in memory: serialised, in order, bounded by their size. When it is full the oldest goes first,
 * and is reported. Runs on the agent thread. It must never touch a disk: queues that outlive the process belong to the Collector.
 */

/** What the requests of all signals may hold together. */
const SPOOL_BYTES = 8 * 1024 * 1024;

/** One export request. */
export interface Batch {
  readonly body: Uint8Array;
  /** Spans, log records or data points in it. */
  readonly records: number;
  /** The next request of its line says the same and more, as cumulative metrics do: it is not worth keeping. */
  readonly isReplaceable: boolean;
  /** It is on its way: too late to drop it. */
  isInFlight: boolean;
}

/** The batches of one line of export, in the order of arrival. */
export class SpoolQueue {
  readonly #spool: Spool;
  readonly #batches = new Set<Batch>();

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  get first(): Batch | undefined {
    return this.#batches.values().next().value;
  }

  add(batch: Batch): void {
    if (batch.isReplaceable) this.#dropReplaceable();
    this.#batches.add(batch);
    this.#spool.note(batch, this);
  }

  remove(batch: Batch): void {
    if (this.#batches.delete(batch)) this.#spool.forget(batch);
  }

  clear(): void {
    for (const batch of this.#batches) this.remove(batch);
  }

  #dropReplaceable(): void {
    for (const batch of this.#batches) if (batch.isReplaceable) this.remove(batch);
  }
}

export class Spool {
  readonly #maxBytes: number;
  readonly #onDrop: (queue: SpoolQueue, batch: Batch) => void;
  /** In order of arrival over all queues. */
  readonly #queueOf = new Map<Batch, SpoolQueue>();
  #sizeBytes = 0;

  constructor(onDrop: (queue: SpoolQueue, batch: Batch) => void, maxBytes: number = SPOOL_BYTES) {
    this.#onDrop = onDrop;
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  openQueue(): SpoolQueue {
    return new SpoolQueue(this);
  }

  /** For the queues only: a batch has come, and may push out the oldest. */
  note(batch: Batch, queue: SpoolQueue): void {
    this.#queueOf.set(batch, queue);
    this.#sizeBytes += batch.body.length;
    for (const [oldest, itsQueue] of this.#queueOf) {
      if (this.#sizeBytes <= this.#maxBytes) return;
      if (oldest.isInFlight) continue;
      itsQueue.remove(oldest);
      if (!oldest.isReplaceable) this.#onDrop(itsQueue, oldest);
    }
  }

  /** For the queues only: a batch is gone. */
  forget(batch: Batch): void {
    this.#queueOf.delete(batch);
    this.#sizeBytes -= batch.body.length;
  }
}
