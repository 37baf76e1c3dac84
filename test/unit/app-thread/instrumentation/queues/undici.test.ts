/** undici and `fetch` do what they did; who waits for a connection and who has one is counted as the program sees it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { followRequests } from '../../../../../agent/app-thread/instrumentation/fetch-requests.ts';
import { followUndiciRequests } from '../../../../../agent/app-thread/instrumentation/queues/undici.ts';
import { eventually } from '../../../../support/eventually.ts';
import { logOf, queueCopy, type Scenario, withoutTicks } from '../../../../support/queue-copies.ts';
import { QueueTracking } from '../../../../support/queue-tracking.ts';

type Library = typeof import('undici');

let server: Server;
let origin = '';
/** Answers of `/held`, until the test lets them go. */
let held: (() => void)[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/held') held.push(() => response.end('held'));
    else if (request.url === '/broken') request.socket.destroy();
    else response.end(request.url);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  held = [];
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const arrived = (count: number): Promise<unknown> => eventually(`${count} requests`, () => held.length === count);
const code = (error: unknown): unknown => (error as { code?: unknown }).code;

const SCENARIOS: Record<string, Scenario<Library>> = {
  'an agent, a pool, a client': async ({ Agent, Pool, Client, request }, log) => {
    for (const dispatcher of [
      new Agent({ connections: 2 }),
      new Pool(origin, { connections: 2 }),
      new Client(origin),
    ]) {
      const answers = [1, 2, 3, 4].map((i) => request(`${origin}/${i}`, { dispatcher }));
      for (const answer of answers) {
        const { statusCode, body } = await answer;
        log('answer', [statusCode, await body.text()]);
      }
      log('fields', Object.getOwnPropertyNames(dispatcher));
      log('name', dispatcher.dispatch);
      await dispatcher.close();
      await request(`${origin}/late`, { dispatcher }).catch((error: unknown) => log('closed', code(error)));
    }
  },
  'errors and aborts': async ({ Pool, request }, log) => {
    const dispatcher = new Pool(origin, { connections: 1 });
    await request(`${origin}/broken`, { dispatcher }).catch((error: unknown) => log('broken', code(error)));
    const first = request(`${origin}/held`, { dispatcher });
    await arrived(1);
    const control = new AbortController();
    const waits = request(`${origin}/never`, { dispatcher, signal: control.signal });
    control.abort();
    /* Before 8.0 it is told so when its turn comes. */
    held[0]?.();
    await waits.catch((error: unknown) => log('aborted', (error as Error).name));
    log('answer', await (await first).body.text());
    const stays = request(`${origin}/held`, { dispatcher }).catch((error: unknown) => log('destroyed', code(error)));
    const queued = request(`${origin}/never`, { dispatcher }).catch((error: unknown) => log('destroyed', code(error)));
    await dispatcher.destroy();
    await Promise.all([stays, queued]);
    await request(`${origin}/x`, { dispatcher, headers: { bad: '\n' } }).catch((error: unknown) =>
      log('bad', code(error)),
    );
  },
};

let tracking: QueueTracking;
let unfollow: () => void;

function follow(): Library {
  tracking = new QueueTracking();
  unfollow = followRequests(() => followUndiciRequests(tracking.tracker));
  return queueCopy<Library>('undici', tracking.tracker);
}

afterEach(() => unfollow());

describe('the same for the program', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    const plain = withoutTicks(await logOf(queueCopy<Library>('undici'), scenario));
    held = [];
    expect(withoutTicks(await logOf(follow(), scenario))).toEqual(plain);
    expect(plain.filter((line) => line.startsWith('failed'))).toEqual([]);
    for (const counts of Object.values(tracking.queues)) expect(counts).toMatchObject({ size: 0, active: 0 });
  });
});

describe('what is counted', () => {
  let library: Library;

  beforeEach(() => {
    library = follow();
  });

  it.each(['Agent', 'Pool'] as const)('of an %s: who waits in its queue and who has a connection', async (kind) => {
    const dispatcher =
      kind === 'Agent' ? new library.Agent({ connections: 2 }) : new library.Pool(origin, { connections: 2 });
    const answers = [1, 2, 3, 4].map(() => library.request(`${origin}/held`, { dispatcher }));
    expect(tracking.only).toMatchObject({ kind: 'connection_pool', arrivals: 4, size: 4, active: 0 });
    expect(Object.keys(tracking.queues)[0]).toMatch(/^undici@test\/unit\/.*\/undici\.test\.ts:\d+$/);
    await arrived(2);
    expect(tracking.only).toMatchObject({ size: 2, active: 2, waits: 2 });
    held[0]?.();
    await (await (answers[0] as (typeof answers)[0])).body.text();
    await arrived(3);
    expect(tracking.only).toMatchObject({ size: 1, active: 2, completions: 1, waits: 3, threads: 2 });
    held[1]?.();
    await arrived(4);
    for (const answer of held) answer();
    for (const answer of answers.slice(1)) await (await answer).body.text();
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4, services: 4, size: 0, active: 0 });
    await dispatcher.close();
    await expect(library.request(`${origin}/x`, { dispatcher })).rejects.toThrow('destroyed');
    expect(tracking.only).toMatchObject({ arrivals: 4, rejections: 1, threads: 0, limit: 0 });
  });

  it('of a client: what waits behind another request', async () => {
    const dispatcher = new library.Client(origin);
    const answers = ['/held', '/b', '/c'].map((path) => library.request(origin + path, { dispatcher }));
    await arrived(1);
    expect(tracking.only).toMatchObject({ arrivals: 3, size: 2, active: 1, waits: 1 });
    held[0]?.();
    for (const answer of answers) await (await answer).body.text();
    expect(tracking.only).toMatchObject({ arrivals: 3, completions: 3, size: 0, active: 0, waits: 3, threads: 1 });
    await dispatcher.close();
    expect(tracking.only).toMatchObject({ threads: 0 });
  });

  it('what fails, is aborted, or is destroyed', async () => {
    const dispatcher = new library.Pool(origin, { connections: 1 });
    await expect(library.request(`${origin}/broken`, { dispatcher })).rejects.toThrow('other side closed');
    expect(tracking.only).toMatchObject({ arrivals: 1, completions: 1, errors: 1 });
    const first = library.request(`${origin}/held`, { dispatcher });
    await arrived(1);
    const control = new AbortController();
    const queued = [1, 2].map(async () => library.request(`${origin}/never`, { dispatcher, signal: control.signal }));
    const others = Promise.allSettled(queued);
    expect(tracking.only).toMatchObject({ arrivals: 4, size: 2, active: 1 });
    control.abort();
    held[0]?.();
    await others;
    await (await first).body.text();
    await eventually('an empty queue', () => tracking.only.size === 0);
    expect(tracking.only).toMatchObject({ completions: 2, aborts: 2, active: 0 });
    const late = Promise.allSettled([1, 2].map(async () => library.request(`${origin}/held`, { dispatcher })));
    await arrived(2);
    await dispatcher.destroy();
    await late;
    expect(tracking.only).toMatchObject({ arrivals: 6, size: 0, active: 0, aborts: 3, threads: 0 });
  });

  it('requests of fetch, by themselves; nothing while it is switched off', async () => {
    await Promise.all([1, 2, 3].map(async (i) => (await fetch(`${origin}/${i}`)).text()));
    expect(tracking.queues).toMatchObject({
      fetch: { kind: 'connection_pool', arrivals: 3, completions: 3, waits: 3, services: 3, size: 0, active: 0 },
    });
    tracking.switchOff('queues');
    await (await fetch(`${origin}/x`)).text();
    expect(tracking.queues['fetch']).toMatchObject({ arrivals: 3 });
  });

  it('requests of the dispatcher that all share, and none of a change of protocol', async () => {
    const before = library.getGlobalDispatcher();
    library.setGlobalDispatcher(new library.Agent());
    await (await library.request(`${origin}/a`)).body.text();
    expect(tracking.queues).toMatchObject({ 'undici.globalDispatcher': { arrivals: 1, completions: 1 } });
    const client = new library.Client(origin);
    await client.upgrade({ path: '/', protocol: 'none' }).catch(() => {});
    expect(Object.keys(tracking.queues)).toEqual(['undici.globalDispatcher']);
    await client.destroy();
    await library.getGlobalDispatcher().destroy();
    library.setGlobalDispatcher(before);
  });
});
