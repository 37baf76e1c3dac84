/**
 * Ports of the loopback interface that nobody listens on, for programs that must be told theirs. Runs in a test's own process, which is given none of them twice.
 *
 * They are below those that the kernel takes for connections: one of these may go to any connection of any program before it is used, and a test with a hundred of
 * them then finds one taken.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Linux connects from 32768 on, macOS and Windows from 49152 on. */
const [FIRST, END] = [15_000, 32_000] as const;

const given = new Set<number>();

export async function freePorts<N extends string>(...names: readonly N[]): Promise<Record<N, number>> {
  const ports = await Promise.all(names.map(async (name) => [name, await freePort()] as const));
  return Object.fromEntries(ports) as Record<N, number>;
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
