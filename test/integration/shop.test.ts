/**
 * The shop alone, without the agent: it answers right under concurrent requests, never sells what it has not, and ends. And
 * under `gridwatch run --ui`, as `npm start` runs it: its contended lock is found.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runNode } from '../support/run-node.ts';

const SERVER = fileURLToPath(new URL('../../examples/shop/server.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START = `${ROOT}examples/start.cjs`;

/** The shop gives itself three seconds to end; the rest is for a loaded machine. */
const END_MAX_MS = 10_000;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly atMs: number;
}

const running = new Set<ChildProcessWithoutNullStreams>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts the shop. `ended` waits for its output to end too, which its load generator holds open while it lives. */
function start(env: Record<string, string>): { child: ChildProcessWithoutNullStreams; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [SERVER], { env: { ...process.env, OTEL_SDK_DISABLED: 'true', ...env } });
  running.add(child);
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code, signal], stdout, stderr]): Ended => {
      running.delete(child);
      return { code, signal, stdout, stderr, atMs: performance.now() };
    },
  );
  return { child, ended };
}

interface Shop {
  readonly url: string;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

async function open(env: Record<string, string> = {}): Promise<Shop> {
  const { child, ended } = start({ SHOP_LOAD: 'off', ...env });
  const firstLine = await Promise.race([once(child.stdout, 'data').then(String), ended.then(({ stderr }) => stderr)]);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(firstLine)?.[0];
  if (url === undefined) throw new Error(`the shop did not open: ${firstLine}`);
  return { url, ended, kill: (signal) => child.kill(signal) };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function get(shop: Shop, path: string): Promise<Answer> {
  const response = await fetch(shop.url + path);
  return { status: response.status, body: await response.json() };
}

async function order(shop: Shop, body: string): Promise<Answer> {
  const response = await fetch(`${shop.url}/orders`, { method: 'POST', body });
  return { status: response.status, body: await response.json() };
}

async function close(shop: Shop): Promise<Ended> {
  const signalledMs = performance.now();
  shop.kill('SIGTERM');
  const ended = await shop.ended;
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(ended.atMs - signalledMs).toBeLessThan(END_MAX_MS);
  return ended;
}

describe('the shop', () => {
  it('answers every route under concurrent requests', async () => {
    const shop = await open();
    const rounds = Array.from({ length: 10 }, async (_, page) => {
      const [products, search, report, sold] = await Promise.all([
        get(shop, `/products?page=${page}`),
        get(shop, '/search?text=warm'),
        get(shop, '/report?days=5'),
        order(shop, JSON.stringify({ productId: page, quantity: 2 })),
      ]);
      const ids = (products.body as { id: number }[]).map(({ id }) => id);
      expect(ids).toEqual(Array.from({ length: 20 }, (__, index) => page * 20 + index));
      expect(search.body).toMatchObject({ found: expect.any(Number) });
      expect((search.body as { first: unknown[] }).first).toHaveLength(10);
      expect(report.body).toMatchObject({ days: 5, lines: 10_000 });
      expect((report.body as { best: unknown[] }).best).toHaveLength(10);
      expect(sold).toMatchObject({ status: 201, body: { isReserved: true, left: 99_998 } });
    });
    await Promise.all(rounds);
    expect(await get(shop, '/stock')).toMatchObject({ status: 200, body: { initially: 4e8, left: 4e8 - 20 } });
    await close(shop);
  });

  it('refuses what it does not understand, and goes on', async () => {
    const shop = await open();
    const bad = await Promise.all([
      get(shop, '/products?page=200'),
      get(shop, '/products?page='),
      get(shop, '/report?days=1.5'),
      order(shop, 'not JSON'),
      order(shop, 'null'),
      order(shop, '{"productId": 4000, "quantity": 1}'),
      order(shop, '{"productId": 1, "quantity": -1}'),
      order(shop, JSON.stringify({ productId: 1, quantity: 1, note: 'x'.repeat(2_000) })),
    ]);
    for (const { status } of bad) expect(status).toBe(400);
    for (const path of ['/', '//', '/orders', '/toString']) expect((await get(shop, path)).status).toBe(404);
    expect(await get(shop, '/stock')).toMatchObject({ body: { left: 4e8 } });
    await close(shop);
  });

  it('sells each unit once, in an order that the shared memory decides', async () => {
    const units = 20;
    const shop = await open({ SHOP_STOCK: String(units) });
    const productIds = [0, 1, 2, 3_999];
    const answers = await Promise.all(
      productIds.flatMap((productId) =>
        Array.from({ length: 2 * units }, async () => {
          const { status, body } = await order(shop, JSON.stringify({ productId, quantity: 1 }));
          return { productId, status, left: (body as { left: number }).left };
        }),
      ),
    );
    for (const productId of productIds) {
      const ofProduct = answers.filter((answer) => answer.productId === productId);
      const sold = ofProduct.filter(({ status }) => status === 201).map(({ left }) => left);
      expect(sold.toSorted((a, b) => a - b)).toEqual(Array.from({ length: units }, (_, left) => left));
      expect(ofProduct.filter(({ status }) => status === 409)).toHaveLength(units);
    }
    const initially = 4_000 * units;
    expect((await get(shop, '/stock')).body).toEqual({ initially, left: initially - productIds.length * units });
    await close(shop);
  });

  it('answers what is under way before it ends on SIGTERM', async () => {
    const shop = await open();
    await Promise.all(Array.from({ length: 9 }, async () => get(shop, '/stock'))); // Nine connections, now open.
    const underWay = Array.from({ length: 8 }, async () => get(shop, '/report?days=30'));
    await get(shop, '/stock'); // Sent last and answered, so the reports have arrived.
    const ended = close(shop);
    for (const { status } of await Promise.all(underWay)) expect(status).toBe(200);
    await ended;
  });

  it('ends by itself after its load, with one line about it', async () => {
    const { code, signal, stdout, stderr } = await start({ SHOP_SECONDS: '1', SHOP_RATE: '20' }).ended;
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    expect(stdout).toMatch(
      /^shop: http:\S+, up to \d workers; 1 s of load, .*\.\nshop: [1-9]\d* requests answered, 0 failed, .*\.\n$/,
    );
  });

  it('ends at once on Ctrl-C, and its load with it', async () => {
    const shop = await open({ SHOP_LOAD: 'on', SHOP_SECONDS: '600' });
    const interruptedMs = performance.now();
    shop.kill('SIGINT');
    const { code, atMs, stderr } = await shop.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(atMs - interruptedMs).toBeLessThan(END_MAX_MS);
  });

  it('ends within its deadline when the collector never answers', async () => {
    const collector = createServer(() => {}).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    const shop = await open({ OTEL_SDK_DISABLED: 'false', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    expect((await get(shop, '/stock')).status).toBe(200);
    await close(shop);
    collector.closeAllConnections();
    collector.close();
  });

  it('does not open with settings it does not understand, and names all of them', async () => {
    const env = { SHOP_PORT: '65536', SHOP_LOAD: 'maybe', SHOP_RATE: '0', SHOP_SECONDS: '1e3', SHOP_STOCK: '' };
    const { code, stdout, stderr } = await start(env).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n').toSorted()).toEqual([
      'shop: SHOP_LOAD is "maybe"; it must be "on" or "off".',
      'shop: SHOP_PORT is "65536"; it must be a whole number from 0 to 65535.',
      'shop: SHOP_RATE is "0"; it must be a whole number from 1 to 2000.',
      'shop: SHOP_SECONDS is "1e3"; it must be a whole number from 1 to 86400.',
    ]);
  });

  it('says so when its port is taken', async () => {
    const shop = await open();
    const { code, stderr } = await start({ SHOP_LOAD: 'off', SHOP_PORT: new URL(shop.url).port }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^shop: it cannot listen on port \d+: listen EADDRINUSE/);
    await close(shop);
  });
});

it('has a lock that Gridwatch finds, with the place, and workers that it finds no fault with', async () => {
  const { LOCK_SITE } = createRequire(import.meta.url)(START) as { readonly LOCK_SITE: string };
  const { exitCode, stdout, stderr } = await runNode({
    args: [`${ROOT}agent/cli/main.ts`, 'run', '--ui', 'examples/shop/server.js'],
    cwd: ROOT,
    env: { GRIDWATCH_ATOMICS_SITES: LOCK_SITE, SHOP_SECONDS: '9', SHOP_RATE: '80' },
  });
  expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/ 0 failed, /) });
  expect(stderr).toMatch(/^\d\. Threads waited for a lock for \S+ m?s,/m);
  expect(stderr).toContain(`\n   at ${LOCK_SITE}\n`);
  // The pool terminates its workers at the end, and that is no failure.
  expect(stderr).not.toMatch(/workers? (?:ended|ran out)/);
});
