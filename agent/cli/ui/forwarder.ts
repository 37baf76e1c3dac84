/**
 * Ships what the view receives on to where the user's variables point, so that `--ui` takes nothing away from a Collector.
 * Runs in the process of `gridwatch run --ui`. The receiver never waits for it: each signal has a bounded queue from which
 * the oldest body goes first, and everything that did not arrive is counted and shown.
 */
import type { OtlpSignal } from '../otlp-decode.ts';
import type { ReceivedBody } from './receiver.ts';
import type { Destination } from './reroute.ts';
import { createGrpcShipper } from './ship-grpc.ts';
import { createHttpShipper, type Delivery, reasonOf, type Shipper } from './ship-http.ts';

export interface ForwardStats {
  readonly delivered: number;
  /** Sent and refused, or sent and not answered. */
  readonly failed: number;
  /** Never sent: the queue was full, or the run ended first. */
  readonly dropped: number;
  /** Signals the endpoint does not take. They are no failures. */
  readonly unsupported: readonly OtlpSignal[];
  /** '' as long as nothing failed. */
  readonly lastFailure: string;
}

/** What waits for one endpoint. A busy program exports a few bodies a second, mostly far below 1 MiB. */
const MAX_QUEUED_BODIES = 64;
const MAX_QUEUED_BYTES = 16 * 2 ** 20;

/** One signal's queue and the loop that empties it. */
class Lane {
  readonly #shipper: Shipper;
  readonly #queue: ReceivedBody[] = [];
  readonly #abort = new AbortController();
  #queuedBytes = 0;
  #sending: Promise<void> | undefined;
  delivered = 0;
  failed = 0;
  dropped = 0;
  isUnsupported = false;
  lastFailure = '';

  constructor(shipper: Shipper) {
    this.#shipper = shipper;
  }

  ship(body: ReceivedBody): void {
    if (this.isUnsupported) return;
    this.#queue.push(body);
    this.#queuedBytes += body.bytes.length;
    while (this.#queue.length > MAX_QUEUED_BODIES || this.#queuedBytes > MAX_QUEUED_BYTES) {
      this.#queuedBytes -= this.#queue.shift()?.bytes.length ?? 0;
      this.dropped++;
    }
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async drained(): Promise<void> {
    await this.#sending;
  }

  close(): void {
    this.dropped += this.#queue.length;
    this.#queue.length = 0;
    this.#abort.abort();
    this.#shipper.close();
  }

  async #sendAll(): Promise<void> {
    for (let body = this.#queue.shift(); body !== undefined; body = this.#queue.shift()) {
      this.#queuedBytes -= body.bytes.length;
      const delivery = await this.#shipper.send(body, this.#abort.signal).catch(toFailure);
      if (delivery.kind === 'delivered') this.delivered++;
      else if (delivery.kind === 'failed') {
        this.failed++;
        this.lastFailure = delivery.reason;
      } else {
        this.isUnsupported = true;
        this.#queue.length = 0;
        this.#queuedBytes = 0;
      }
    }
  }
}

function toFailure(error: Error): Delivery {
  return { kind: 'failed', reason: reasonOf(error) };
}

export class Forwarder {
  readonly #lanes = new Map<OtlpSignal, Lane>();

  /** @throws when a certificate of the user's variables cannot be read. */
  constructor(destinations: ReadonlyMap<OtlpSignal, Destination>) {
    for (const [signal, destination] of destinations) {
      const create = destination.protocol === 'grpc' ? createGrpcShipper : createHttpShipper;
      this.#lanes.set(signal, new Lane(create(destination)));
    }
  }

  ship(body: ReceivedBody): void {
    this.#lanes.get(body.signal)?.ship(body);
  }

  get stats(): ForwardStats {
    const lanes = [...this.#lanes.values()];
    const sumOf = (count: (lane: Lane) => number): number => lanes.reduce((sum, lane) => sum + count(lane), 0);
    return {
      delivered: sumOf((lane) => lane.delivered),
      failed: sumOf((lane) => lane.failed),
      dropped: sumOf((lane) => lane.dropped),
      unsupported: [...this.#lanes].filter(([, lane]) => lane.isUnsupported).map(([signal]) => signal),
      lastFailure: lanes.map((lane) => lane.lastFailure).find(Boolean) ?? '',
    };
  }

  /** Waits until everything has been sent or the deadline has passed; what is then left is counted as dropped. */
  async close(deadlineMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([deadline, Promise.all([...this.#lanes.values()].map(async (lane) => lane.drained()))]);
    clearTimeout(timer);
    for (const lane of this.#lanes.values()) lane.close();
  }
}
