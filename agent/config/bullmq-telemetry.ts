/**
 * What BullMQ asks of who follows it (its interface `Telemetry`, BullMQ >= 5.25), as far as it is used. For application threads; types only, so that neither the
 * package nor its own types are needed.
 */

export interface BullmqSpan {
  setSpanOnContext(context: unknown): unknown;
  setAttribute(key: string, value: never): void;
  setAttributes(attributes: Readonly<Record<string, never>>): void;
  addEvent(name: string, attributes?: never): void;
  recordException(exception: never, time?: never): void;
  end(): void;
}

export interface BullmqTelemetry {
  readonly tracer: {
    startSpan(name: string, options?: never, context?: unknown): BullmqSpan;
  };
  readonly contextManager: {
    // oxlint-disable-next-line typescript/no-explicit-any -- as BullMQ has it
    with<A extends (...args: any[]) => any>(context: unknown, fn: A): ReturnType<A>;
    active(): unknown;
    root?(): unknown;
    getMetadata(context: unknown): string;
    fromMetadata(active: unknown, metadata: string): unknown;
  };
}
