/** Agents of `http` do what they did; who waits for a socket and who has one is counted as the program sees it. */
import http, { Agent, type ClientRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followHttpAgents } from '../../../../../agent/app-thread/instrumentation/http-agents.ts';
import { patchHttpAgents } from '../../../../../agent/app-thread/instrumentation/queues/http-agent.ts';
import { eventually } from '../../../../support/eventually.ts';
import { logOf, type Scenario, withoutTicks } from '../../../../support/queue-copies.ts';
import { QueueTracking } from '../../../../support/queue-tracking.ts';

let server: Server;
let port = 0;
/** Answers of `/held`, until the test lets them go. */
let held: (() => void)[] = [];

beforeEach(async () => {
  held = [];
  server = http.createServer((request, response) => {
    if (request.url === '/held') held.push(() => response.end('held'));
    else response.end(request.url);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function get(agent: Agent | undefined, path: string): { request: ClientRequest; body: Promise<string> } {
  const request = http.get({ host: '127.0.0.1', port, path, ...(agent === undefined ? {} : { agent }) });
  const body = new Promise<string>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    });
  });
  return { request, body };
}

const waiting = (agent: Agent): number => Object.values(agent.requests).flat().length;
const closed = (request: ClientRequest): Promise<void> =>
  new Promise((resolve) => (request.closed ? resolve() : request.on('close', resolve)));

const SCENARIOS: Record<string, Scenario<null>> = {
  'with and without sockets that are kept': async (_, log) => {
    for (const keepAlive of [true, false]) {
      const agent = new Agent({ keepAlive, maxSockets: 2 });
      log('fields', Object.keys(agent));
      log('field', Object.getOwnPropertyDescriptor(agent, 'maxSockets'));
      const all = [1, 2, 3, 4, 5].map((i) => get(agent, `/${i}`));
      log('asked', [waiting(agent), Object.values(agent.sockets).flat().length]);
      for (const { body, request } of all) log('got', [await body, request.reusedSocket]);
      await Promise.all(all.map(({ request }) => closed(request)));
      log('left', [waiting(agent), Object.keys(all[0]?.request ?? {})]);
      agent.destroy();
    }
  },
  'destroyed while it waits': async (_, log) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = get(agent, '/held');
    const second = get(agent, '/second');
    const third = get(agent, '/third');
    second.body.catch((error: unknown) => log('rejected', error));
    second.request.destroy(new Error('no longer'));
    log('asked', [waiting(agent), second.request.destroyed]);
    await eventually('1 requests', () => held.length === 1);
    held[0]?.();
    log('got', [await first.body, await third.body]);
    agent.destroy();
  },
  'nobody listens': async (_, log) => {
    const agent = new Agent({ maxSockets: 1 });
    const answers = [1, 2].map(
      () => new Promise((resolve) => http.get({ host: '127.0.0.1', port: 1, agent }).on('error', resolve)),
    );
    for (const answer of answers) log('rejected', ((await answer) as { code: string }).code);
    const broken = new Agent({ maxSockets: 1 });
    broken.createConnection = () => {
      throw new Error('no sockets');
    };
    try {
      http.get({ host: '127.0.0.1', port, agent: broken });
    } catch (error) {
      log('thrown', error);
    }
  },
  'names and lengths': (_, log) => {
    for (const name of ['addRequest', 'removeSocket'] as const) log(name, Reflect.get(Agent.prototype, name));
    log('onSocket', Reflect.get(http.ClientRequest.prototype, 'onSocket'));
    log('enumerable', Object.keys(Agent.prototype));
  },
};

describe('the same for the program', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    const plain = withoutTicks(await logOf(null, scenario));
    held = [];
    const unfollow = followHttpAgents(() => patchHttpAgents(new QueueTracking().tracker));
    try {
      expect(withoutTicks(await logOf(null, scenario))).toEqual(plain);
    } finally {
      unfollow();
    }
    expect(plain.filter((line) => line.startsWith('failed'))).toEqual([]);
    expect('maxSockets' in Agent.prototype).toBe(false);
  });
});

describe('what is counted', () => {
  let tracking: QueueTracking;
  let loads = 0;
  let unfollow: () => void;

  beforeEach(() => {
    tracking = new QueueTracking();
    loads = 0;
    unfollow = followHttpAgents(() => {
      loads++;
      return patchHttpAgents(tracking.tracker);
    });
  });

  afterEach(() => unfollow());

  it('nothing of agents without a bound', async () => {
    const agent = new Agent({ keepAlive: true });
    await get(agent, '/a').body;
    await get(undefined, '/b').body;
    agent.destroy();
    expect([loads, tracking.queues]).toEqual([0, {}]);
  });

  it('who waits, who has a socket, and how many there are', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    const all = ['/held', '/held', '/held'].map((path) => get(agent, path));
    expect(tracking.only).toMatchObject({ kind: 'http_agent', arrivals: 3, size: 1, active: 2, threads: 2, limit: 2 });
    expect(Object.keys(tracking.queues)[0]).toMatch(/^http\.Agent@test\/unit\/.*\/http-agent\.test\.ts:\d+$/);
    await eventually('2 requests', () => held.length === 2);
    held[0]?.();
    await eventually('3 requests', () => held.length === 3);
    expect(tracking.only).toMatchObject({ size: waiting(agent), active: 2, completions: 1, waits: 3, services: 1 });
    for (const answer of held) answer();
    await Promise.all(all.map(({ body }) => body));
    await eventually(
      'counts',
      () => (expect(tracking.only).toMatchObject({ size: 0, active: 0, completions: 3, threads: 2 }), true),
    );
    agent.destroy();
    await eventually('counts', () => (expect(tracking.only).toMatchObject({ threads: 0, limit: 0 }), true));
    expect(loads).toBe(1);
  });

  it('who gave up while it waited, and who got no answer', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = get(agent, '/held');
    const second = get(agent, '/second');
    second.body.catch(() => {});
    second.request.destroy();
    expect(tracking.only).toMatchObject({ arrivals: 2, size: waiting(agent), active: 1 });
    await eventually('1 requests', () => held.length === 1);
    held[0]?.();
    await first.body;
    await eventually(
      'counts',
      () => (expect(tracking.only).toMatchObject({ completions: 1, aborts: 1, size: 0, active: 0 }), true),
    );
    const third = get(agent, '/held');
    third.body.catch(() => {});
    await eventually('2 requests', () => held.length === 2);
    server.closeAllConnections();
    await closed(third.request);
    expect(tracking.only).toMatchObject({ arrivals: 3, completions: 2, errors: 1, active: 0, threads: 0 });
    agent.destroy();
  });

  it('the agent of all requests, once it has a bound', async () => {
    const before = http.globalAgent.maxSockets;
    http.globalAgent.maxSockets = 1;
    try {
      await Promise.all([get(undefined, '/a').body, get(undefined, '/b').body]);
      expect(tracking.queues).toMatchObject({ 'http.globalAgent': { arrivals: 2, waits: 2 } });
    } finally {
      http.globalAgent.maxSockets = before;
    }
  });

  it('nothing while it is switched off', async () => {
    const agent = new Agent({ maxSockets: 1 });
    tracking.switchOff('queues');
    await Promise.all([get(agent, '/a').body, get(agent, '/b').body]);
    expect(tracking.queues).toEqual({});
  });
});
