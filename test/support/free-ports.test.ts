/** Free ports: none twice, none that is in use, and none that a connection may have. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts } from './free-ports.ts';

it('none is given twice, also to those who ask at once', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `port ${i}`);
  const given = await Promise.all(Array.from({ length: 10 }, async () => freePorts(...names)));
  const ports = given.flatMap((each) => Object.values(each));
  expect(new Set(ports).size).toBe(200);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(15_000);
  expect(Math.max(...ports)).toBeLessThan(32_000);
});

it('each can be listened on', async () => {
  const { port } = await freePorts('port');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
  expect(server.listening).toBe(false);
});
