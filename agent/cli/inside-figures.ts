/**
 * What the agent inside a Node program tells `gridwatch compare --inside`: how long threads waited for locks, how often, and how long garbage collections
 * stopped them. Runs in the process of the command, which receives it over the loopback interface. It must not change anything else in the program's environment.
 */
import { basename } from 'node:path';
import type { OtlpBatch } from './otlp-decode.ts';
import { registerFile } from './path.ts';
import { startReceiver } from './ui/receiver.ts';
import { reroute } from './ui/reroute.ts';

/** Sums over all threads of one run, of the processes it started included. */
export interface InsideFigures {
  readonly lockWaitS: number;
  readonly contentions: number;
  readonly gcS: number;
}

export interface Inside {
  /** What a program is to be started with. */
  readonly env: NodeJS.ProcessEnv;
  /** What was told since the last call; undefined when no agent has told anything. */
  take(): InsideFigures | undefined;
  close(): Promise<void>;
}

/** By the metric that they are the sums of. Of a histogram the point's value is the sum. */
const FIGURES: ReadonlyMap<string, keyof InsideFigures> = new Map([
  ['gridwatch.lock.wait.duration', 'lockWaitS'],
  ['gridwatch.lock.contentions', 'contentions'],
  ['v8js.gc.duration', 'gcS'],
]);

/** On a machine that is busy with other things an exit takes longer to deliver than a service may wait; here a run without figures ends the comparison. */
const EXIT_TIMEOUT_MS = '10000';

/** Every agent sends it. */
const HEARTBEAT = 'gridwatch.agent.uptime';

/** Whether a command starts Node, and with it the agent. */
export function isNode(command: readonly string[]): boolean {
  return /^node(js)?$/.test(basename(command[0] ?? ''));
}

export async function openInside(userEnv: NodeJS.ProcessEnv, gate: string = registerFile()): Promise<Inside> {
  let tally = new InsideTally();
  const receiver = await startReceiver({ onReceived: (batch) => tally.add(batch) });
  const { env } = reroute(userEnv, receiver.url);
  const quoted = `"${gate.replaceAll(/["\\]/g, '\\$&')}"`;
  env['NODE_OPTIONS'] = `${userEnv['NODE_OPTIONS'] ?? ''} --require ${quoted}`.trim();
  env['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE'] = 'cumulative';
  env['GRIDWATCH_EXIT_TIMEOUT_MS'] ??= EXIT_TIMEOUT_MS;
  env['GRIDWATCH_LOG'] = 'off';
  return {
    env,
    take: () => {
      const { figures } = tally;
      tally = new InsideTally();
      return figures;
    },
    close: () => receiver.close(),
  };
}

/** Adds up the last value of each series: they are cumulative. */
export class InsideTally {
  readonly #series = new Map<string, { readonly figure: keyof InsideFigures; readonly value: number }>();
  #hasAgent = false;

  add({ metrics }: OtlpBatch): void {
    for (const { name, resource, points } of metrics) {
      if (name === HEARTBEAT) this.#hasAgent = true;
      const figure = FIGURES.get(name);
      if (figure === undefined) continue;
      for (const { attributes, value } of points) {
        const labels = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
        const key = JSON.stringify([name, resource['process.pid'], resource['service.instance.id'], labels]);
        this.#series.set(key, { figure, value });
      }
    }
  }

  get figures(): InsideFigures | undefined {
    if (!this.#hasAgent) return undefined;
    const sums = { lockWaitS: 0, contentions: 0, gcS: 0 };
    for (const { figure, value } of this.#series.values()) sums[figure] += value;
    return sums;
  }
}
