/** Starting, killing and starting again, with a backend that is a line of JavaScript. */
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { BackendProcess } from './backend-process.ts';
import { freePorts } from './free-ports.ts';

async function start(program: string): Promise<{ backend: BackendProcess; url: string }> {
  const { port } = await freePorts('port');
  const url = `http://127.0.0.1:${port}/ready`;
  const options = { name: 'fake', file: process.execPath, cwd: tmpdir(), env: { PORT: String(port) }, readyUrl: url };
  return { backend: await BackendProcess.start({ ...options, args: ['-e', program] }), url };
}

/** Is not ready for the first three questions. */
const SERVES = `let asked = 0; console.log('opened');
  require('node:http').createServer((_, r) => r.writeHead(++asked > 3 ? 200 : 503).end()).listen(process.env.PORT)`;

it('is there when it is ready, gone when it was killed, and comes back in the same place', async () => {
  const { backend, url } = await start(SERVES);
  await using _ = backend;
  expect((await fetch(url)).status).toBe(200);
  await backend.kill();
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  await backend.start();
  expect((await fetch(url)).status).toBe(200);
  expect(backend.output).toBe('opened\nopened\n');
});

it('fails with what it wrote when it ends instead', async () => {
  await expect(start("console.error('no such option'); process.exit(2)")).rejects.toThrow(
    /^fake ended before it was ready; it wrote:\nno such option\n$/,
  );
});
