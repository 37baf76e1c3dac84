/** Starts the two variants of a benchmark, alternated: a subject without the agent and with it. Runs in the process of `npm run bench`. */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const REGISTER_FILE: string = fileURLToPath(new URL('../../dist/register.cjs', import.meta.url));
const SUBJECTS = new URL('./subjects/', import.meta.url);

export type Variant = 'plain' | 'agent';

export interface Pair<T> {
  readonly plain: T[];
  readonly agent: T[];
}

export interface VariantOptions<T> {
  readonly subject: string;
  readonly rounds: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The figure of one run, from what the subject printed and how long it took. */
  readonly figure: (stdout: string, durationMs: number, startedNs: bigint, variant: Variant) => T;
}

/** A round is one run of each variant, the first one changing from round to round. One round before the first is thrown away. */
export async function alternate<T>({ subject, rounds, env = {}, figure }: VariantOptions<T>): Promise<Pair<T>> {
  const pair: Pair<T> = { plain: [], agent: [] };
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? (['plain', 'agent'] as const) : (['agent', 'plain'] as const);
    for (const variant of order) {
      const preload = variant === 'agent' ? ['--require', REGISTER_FILE] : [];
      const value = await run([...preload, fileURLToPath(new URL(subject, SUBJECTS))], env, (...told) =>
        figure(...told, variant),
      );
      if (round >= 0) pair[variant].push(value);
    }
  }
  return pair;
}

function run<T>(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  figure: (stdout: string, durationMs: number, startedNs: bigint) => T,
): Promise<T> {
  const startedNs = process.hrtime.bigint();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], GRIDWATCH_LOG: 'off', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) reject(new Error(`${args.at(-1)} ended with ${code}`));
      else resolve(figure(stdout, Number(process.hrtime.bigint() - startedNs) / 1e6, startedNs));
    });
  });
}

/** A collector that takes everything, in a process of its own. */
export async function withCollector<T>(use: (endpoint: string) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('collector.ts', SUBJECTS))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
    );
    return await use(`http://127.0.0.1:${port}`);
  } finally {
    child.kill();
  }
}

/** Runs a subject that prints one line of JSON. */
export function runJson(
  subject: string,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
): Record<string, number> {
  const file = fileURLToPath(new URL(subject, SUBJECTS));
  const { stdout, status, stderr } = spawnSync(process.execPath, [...nodeArgs, file, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${subject} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, number>;
}
