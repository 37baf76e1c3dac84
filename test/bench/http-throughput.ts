/**
 * How many requests a second a server answers with the agent, of those it answers without: the server on one core, its agent thread and the generator on
 * the other. Beside it, what the SDK's own metrics of runtime and host cost the same server. A round starts each variant in a process of its own, one
 * after the other, in an order that changes from round to round.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Ratio, ratioOf } from './ratio.ts';
import type { Row } from './table.ts';
import { REGISTER_FILE, withCollector } from './variants.ts';

const ROUNDS = Number(process.env['GRIDWATCH_BENCH_ROUNDS'] ?? 20);
const CONNECTIONS = 16;
const WARM_MS = 2000;
const MEASURE_MS = 3000;
const BAR = 0.98;
/** The agent thread, and the SDK on it, are there by then. */
const AGENT_DEADLINE_MS = 10_000;

const RUNTIME_METRICS = fileURLToPath(new URL('runtime-metrics/', import.meta.url));
const LOAD = fileURLToPath(new URL('subjects/http-load.ts', import.meta.url));
const SUBJECTS = [
  {
    what: 'HTTP throughput of the shop, a page of its catalogue',
    file: fileURLToPath(new URL('../../examples/shop/server.js', import.meta.url)),
    path: '/products?page=3',
  },
  {
    what: 'HTTP throughput of a server that only says hello',
    file: fileURLToPath(new URL('subjects/http-hello.cjs', import.meta.url)),
    path: '/',
  },
] as const;
const PRELOADS = { plain: undefined, agent: REGISTER_FILE, metrics: `${RUNTIME_METRICS}preload.cjs` } as const;

type Subject = (typeof SUBJECTS)[number];
type Variant = keyof typeof PRELOADS;
interface Measured {
  readonly perSecond: number;
  readonly cpuNs: number;
}
type Round = Partial<Record<Variant, Measured>>;

export async function httpThroughput(): Promise<readonly Row[]> {
  const cores = twoCores();
  const variants = (Object.keys(PRELOADS) as Variant[]).filter((variant) => variant !== 'metrics' || installMetrics());
  const rows: Row[] = [];
  for (const subject of SUBJECTS) {
    const rounds: Round[] = [];
    await withCollector(async (endpoint) => {
      for (let round = 0; round < ROUNDS; round++) {
        const measured: Round = {};
        const first = round % variants.length;
        for (const variant of [...variants.slice(first), ...variants.slice(0, first)])
          measured[variant] = await measure(subject, variant, endpoint, cores);
        rounds.push(measured);
      }
    });
    rows.push(...rowsOf(subject, rounds));
  }
  return rows;
}

interface Cores {
  readonly server: string;
  readonly generator: string;
}

/** The first and the last that this process may run on. */
function twoCores(): Cores {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  const cores = list.split(/[,-]/);
  const server = cores[0];
  const generator = cores.at(-1);
  if (server === undefined || generator === undefined || server === generator) throw new Error('this needs two cores');
  return { server, generator };
}

/** The packages to compare with, as the lock file beside them says. False where there is no registry. */
function installMetrics(): boolean {
  if (existsSync(`${RUNTIME_METRICS}node_modules`)) return true;
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: RUNTIME_METRICS });
    return true;
  } catch (error) {
    console.error(`the packages to compare with cannot be installed: ${(error as Error).message}`);
    return false;
  }
}

async function measure({ file, path }: Subject, variant: Variant, endpoint: string, cores: Cores): Promise<Measured> {
  const preload = PRELOADS[variant];
  const args = [...(preload === undefined ? [] : ['--require', preload]), file];
  const server = spawn('taskset', ['-c', cores.server, process.execPath, ...args], {
    env: { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, GRIDWATCH_LOG: 'off', SHOP_LOAD: 'off' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  try {
    const address = await addressOf(server);
    if (variant === 'agent') await moveAgent(server.pid as number, cores.generator);
    const load = [LOAD, address, path, String(server.pid), CONNECTIONS, WARM_MS, MEASURE_MS].map(String);
    const generator = spawn('taskset', ['-c', cores.generator, process.execPath, ...load], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(await outputOf(generator)) as Measured;
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}

async function addressOf(server: ChildProcess): Promise<string> {
  const [data] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(data.toString()) ?? [];
  if (address === undefined) throw new Error(`the server says ${data.toString()}`);
  return address;
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the generator ended with ${code}`);
  return output;
}

/** Moves the server's agent thread to another core. */
async function moveAgent(pid: number, core: string): Promise<void> {
  const folder = `/proc/${pid}/task`;
  const isAgent = (task: string): boolean => readFileSync(`${folder}/${task}/comm`, 'latin1') === 'gridwatch\n';
  for (let leftMs = AGENT_DEADLINE_MS; leftMs > 0; leftMs -= 50) {
    const task = readdirSync(folder).find(isAgent);
    if (task !== undefined) {
      execFileSync('taskset', ['-cp', core, task], { stdio: 'ignore' });
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('there is no thread called gridwatch: this needs Node 24, which names its threads');
}

function rowsOf({ what }: Subject, rounds: readonly Round[]): readonly Row[] {
  const ratio = (variant: Variant, figure: keyof Measured): Ratio | undefined => {
    const pairs = rounds.map(({ plain, [variant]: other }): [number, number] => [
      other?.[figure] ?? Number.NaN,
      plain?.[figure] ?? Number.NaN,
    ]);
    return pairs.some(([other]) => Number.isNaN(other)) ? undefined : ratioOf(pairs);
  };
  const show = ({ mean, low, high }: Ratio): string => `${mean.toFixed(4)} (${low.toFixed(4)}-${high.toFixed(4)})`;
  const detailOf = (variant: Variant): string => {
    const perSecond = ratio(variant, 'perSecond');
    const cpu = ratio(variant, 'cpuNs');
    if (perSecond === undefined || cpu === undefined) return 'not measured';
    return `${show(perSecond)}, CPU for a request ${show(cpu)}`;
  };
  const agent = ratio('agent', 'perSecond');
  const plainPerSecond = rounds.reduce((sum, { plain }) => sum + (plain?.perSecond ?? 0), 0) / rounds.length;
  return [
    {
      what,
      detail: `${rounds.length} pairs, plain ${plainPerSecond.toFixed(0)}/s; agent ${detailOf('agent')}; SDK with runtime-node and host-metrics ${detailOf('metrics')}`,
      figure: agent === undefined ? 'not measured' : `${agent.low.toFixed(3)} at least`,
      bar: `>= ${BAR}`,
      isMet: agent !== undefined && agent.low >= BAR,
    },
  ];
}
