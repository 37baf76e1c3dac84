/**
 * Ports of the loopback interface that nobody listens on, for programs that must be told theirs. Runs in a test's own process. All are held open
 * until the last is found, so that no two are the same; another program could still take one before it is used.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export async function freePorts<N extends string>(...names: readonly N[]): Promise<Record<N, number>> {
  const held = await Promise.all(
    names.map(async (name) => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return { name, server, port: (server.address() as AddressInfo).port };
    }),
  );
  const ports = held.map(({ name, port }) => [name, port] as const);
  await Promise.all(
    held.map(async ({ server }) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return Object.fromEntries(ports) as Record<N, number>;
}
