/**
 * Ports of the loopback interface that nobody listens on, for programs that must be told theirs. Runs in a test's own process. All are held open
 * until the last is found, so that no two are the same; another program could still take one before it is used.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export async function freePorts<N extends string>(...names: readonly N[]): Promise<Record<N, number>> {
  const servers = names.map(() => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(async (server) => once(server, 'listening')));
  const ports = names.map((name, index) => [name, (servers[index]?.address() as AddressInfo).port] as const);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return Object.fromEntries(ports) as Record<N, number>;
}
