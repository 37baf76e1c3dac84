/**
 * The shop under load for a long time, with workers that come and go beside it: whether its memory, its handles, its descriptors or its series grow. Only
 * when asked for; GRIDWATCH_BENCH_MINUTES says for how long, 30 if it does not. Prints what it saw minute by minute.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { decodeOtlp } from '../../agent/cli/otlp-decode.ts';
import type { Row } from './table.ts';
import { isGrowing, type Point, thinned, trendOf } from './trend.ts';
import { REGISTER_FILE } from './variants.ts';

const MINUTES = Number(process.env['GRIDWATCH_BENCH_MINUTES'] ?? 30);
/** Until caches are full and the pool has its reports; a short soak gives it a third. */
const WARM_S = Math.min(5, MINUTES / 3) * 60;
/** More often than in production: the agent's own garbage is then collected every few minutes, and its memory falls as well as rises. */
const EXPORT_INTERVAL_MS = 1000;
const SHOP = fileURLToPath(new URL('../../examples/shop/server.js', import.meta.url));
const CHURN = fileURLToPath(new URL('subjects/soak-churn.cjs', import.meta.url));

/** What may not grow, and by how much of itself it may seem to. Whole things may be one or two more while something is under way. */
const FIGURES = {
  rssMib: { what: 'RSS, MiB', tolerance: 0.03 },
  agentMib: { what: 'memory of the agent thread, MiB', tolerance: 0.05 },
  handles: { what: 'handles of the main thread', tolerance: 0.1 },
  descriptors: { what: 'descriptors', tolerance: 0.03 },
  threads: { what: 'threads', tolerance: 0.1 },
  series: { what: 'series of the agent', tolerance: 0.01 },
} as const;
type Figure = keyof typeof FIGURES;

interface Sample extends Readonly<Record<Figure, number>> {
  readonly atS: number;
  readonly workers: number;
}

export async function soak(): Promise<readonly Row[]> {
  const collector = new Collector();
  const endpoint = await collector.start();
  const shop = spawn(process.execPath, ['--require', REGISTER_FILE, '--require', CHURN, SHOP], {
    env: {
      PATH: process.env['PATH'],
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_METRIC_EXPORT_INTERVAL: String(EXPORT_INTERVAL_MS),
      OTEL_METRIC_EXPORT_TIMEOUT: String(EXPORT_INTERVAL_MS / 2),
      GRIDWATCH_LOG: 'off',
      SHOP_SECONDS: String(MINUTES * 60),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const samples: Sample[] = [];
  const beganMs = performance.now();
  onSoakLine(shop, ({ handles = 0, workers = 0 }) => {
    const sample = { atS: (performance.now() - beganMs) / 1000, workers, handles, ...ofProcess(shop.pid as number) };
    samples.push({ ...sample, ...collector.newest });
  });
  const [code] = (await once(shop, 'close')) as [number | null];
  collector.stop();
  if (code !== 0) throw new Error(`the shop ended with ${code}`);
  printMinutes(samples);
  return rowsOf(samples, collector.dropped);
}

/** What the program says of itself; all else it prints is the shop's. */
function onSoakLine(shop: ChildProcess, use: (said: Record<string, number>) => void): void {
  let rest = '';
  shop.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      if (line.startsWith('soak ')) use(JSON.parse(line.slice('soak '.length)) as Record<string, number>);
  });
}

function ofProcess(pid: number): Pick<Sample, 'rssMib' | 'descriptors' | 'threads'> {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const of = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { rssMib: of('VmRSS') / 1024, threads: of('Threads'), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Takes everything and keeps only what the agent says of itself, newest. */
class Collector {
  readonly #server = createServer((request, response) => {
    void buffer(request).then((body) => {
      if (request.url === '/v1/metrics') this.#take(request.headers['content-type'] ?? '', body);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  newest: Pick<Sample, 'series' | 'agentMib'> = { series: Number.NaN, agentMib: Number.NaN };
  dropped = 0;

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(contentType: string, body: Buffer): void {
    const { metrics } = decodeOtlp('metrics', contentType, body);
    const sum = (sought: string): number =>
      metrics
        .flatMap(({ name, points }) => (name === sought ? points : []))
        .reduce((total, { value }) => total + value, 0);
    const series = sum('gridwatch.agent.series');
    /* The shop's own SDK sends metrics too. */
    if (series === 0) return;
    this.newest = { series, agentMib: sum('gridwatch.agent.memory.usage') / 2 ** 20 };
    this.dropped = sum('gridwatch.agent.dropped');
  }
}

function printMinutes(samples: readonly Sample[]): void {
  const figures = Object.keys(FIGURES) as Figure[];
  console.log(`| minute | workers so far | ${figures.map((figure) => FIGURES[figure].what).join(' | ')} |`);
  console.log(`|---|---|${figures.map(() => '---|').join('')}`);
  const minuteOf = ({ atS }: Sample): number => Math.floor(atS / 60);
  for (const minute of new Set(samples.map(minuteOf))) {
    const group = samples.filter((sample) => minuteOf(sample) === minute);
    const values = figures.map((figure) =>
      thinned(
        group.map((one) => [one.atS, one[figure]]),
        60,
      )[0]?.[1].toFixed(1),
    );
    console.log(`| ${minute} | ${group.at(-1)?.workers} | ${values.join(' | ')} |`);
  }
}

function rowsOf(samples: readonly Sample[], dropped: number): readonly Row[] {
  const warm = samples.filter(({ atS, series }) => atS >= WARM_S && !Number.isNaN(series));
  /* A tenth of the time, a minute at most, is one point. */
  const sliceS = Math.min(60, (MINUTES * 60 - WARM_S) / 10);
  const rows = Object.entries(FIGURES).map(([figure, { what, tolerance }]) => {
    const points = thinned(
      warm.map((sample): Point => [sample.atS, sample[figure as Figure]]),
      sliceS,
    );
    const trend = trendOf(points);
    const { median, growth, low, high } = trend;
    return {
      what: `soak, ${MINUTES} min: ${what}`,
      detail: `after ${(WARM_S / 60).toFixed(1)} min: median ${median.toFixed(1)}, 95 % interval of the growth ${low.toFixed(2)} to ${high.toFixed(2)}`,
      figure: `${growth >= 0 ? '+' : ''}${growth.toFixed(2)}`,
      bar: `no sure growth above ${tolerance * 100} %`,
      isMet: !isGrowing(trend, tolerance),
    };
  });
  const workers = samples.at(-1)?.workers ?? 0;
  const lost = {
    what: `soak, ${MINUTES} min: dropped`,
    detail: `${workers} short workers beside the shop`,
    figure: String(dropped),
    bar: '0',
    isMet: dropped === 0,
  };
  return [...rows, lost];
}
