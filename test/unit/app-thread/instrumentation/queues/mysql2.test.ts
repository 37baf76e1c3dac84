/** mysql2 does what it did; who waits for a connection and who has one is counted as the program sees it. Its own server answers. */
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { logOf, queueCopy, type Scenario, withoutTicks } from '../../../../support/queue-copies.ts';
import { QueueTracking, THREE_ASKED } from '../../../../support/queue-tracking.ts';

type Callback = (error?: unknown, value?: unknown) => void;

interface Connection {
  release(): void;
  destroy(): void;
}

interface Pool {
  getConnection(callback: Callback): void;
  query(sql: string, callback: Callback): unknown;
  end(callback: Callback): void;
  promise(): { getConnection(): Promise<Connection>; query(sql: string): Promise<unknown[]>; end(): Promise<void> };
  on(event: string, listener: () => void): void;
}

interface ServerConnection {
  on(event: string, listener: (...args: unknown[]) => void): void;
  sequenceId: number;
  serverHandshake(options: object): void;
  writeOk(options?: object): void;
  writeError(options: object): void;
}

interface Library {
  createPool(options: object): Pool;
  createServer(handler: (connection: ServerConnection) => void): {
    _server: Server;
    listen(port: number): void;
    close(): void;
  };
}

let port = 0;
let server: ReturnType<Library['createServer']>;

beforeAll(async () => {
  server = queueCopy<Library>('mysql2').createServer((connection) => {
    connection.on('error', () => {});
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: 'fake',
      connectionId: 1,
      statusFlags: 2,
      characterSet: 8,
      capabilityFlags: 0xffffff ^ 2048,
    });
    connection.on('query', (sql) =>
      sql === 'wrong'
        ? connection.writeError({ message: 'wrong', code: 1064 })
        : connection.writeOk({ affectedRows: 7 }),
    );
  });
  server.listen(0);
  await new Promise((resolve) => server._server.once('listening', resolve));
  port = (server._server.address() as AddressInfo).port;
});

afterAll(() => server.close());

const poolOf = (library: Library, options: object = {}): Pool =>
  library.createPool({ host: '127.0.0.1', port, user: 'me', connectionLimit: 2, ...options });

const ended = (pool: Pool): Promise<void> => new Promise((resolve) => pool.end(() => resolve()));
const message = (error: unknown): string => (error as Error).message;

const SCENARIOS: Record<string, Scenario<Library>> = {
  'connections in order': async (library, log) => {
    const pool = poolOf(library);
    for (const event of ['acquire', 'connection', 'enqueue', 'release']) pool.on(event, () => log(event));
    const take = async (i: number): Promise<void> => {
      const connection = await pool.promise().getConnection();
      log(`has ${i}`);
      connection.release();
      connection.release();
      log(`gave ${i}`);
    };
    await take(0);
    await take(1);
    log('fields', Object.keys(pool));
    const first = await pool.promise().getConnection();
    const second = await pool.promise().getConnection();
    const third = take(3);
    first.release();
    await third;
    second.destroy();
    log('query', (await pool.promise().query('one')).length);
    await pool
      .promise()
      .query('wrong')
      .catch((error: unknown) => log('rejected', message(error)));
    await pool.promise().end();
    await pool
      .promise()
      .getConnection()
      .catch((error: unknown) => log('closed', error));
  },
  refused: async (library, log) => {
    const pool = poolOf(library, { connectionLimit: 1, queueLimit: 1 });
    const connection = await pool.promise().getConnection();
    const waits = pool.promise().getConnection();
    await pool
      .promise()
      .getConnection()
      .catch((error: unknown) => log('rejected', error));
    connection.destroy();
    (await waits).release();
    await ended(pool);
    const impatient = poolOf(library, { connectionLimit: 1, waitForConnections: false });
    const only = await impatient.promise().getConnection();
    await impatient
      .promise()
      .getConnection()
      .catch((error: unknown) => log('rejected', error));
    const left = ended(impatient);
    only.release();
    await left;
    const nobody = poolOf(library, { port: 1 });
    await nobody
      .promise()
      .getConnection()
      .catch((error: unknown) => log('rejected', (error as { code: string }).code));
  },
};

describe('the same for the program', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    const plain = withoutTicks(await logOf(queueCopy<Library>('mysql2'), scenario));
    const copy = queueCopy<Library>('mysql2', new QueueTracking().tracker);
    expect(withoutTicks(await logOf(copy, scenario))).toEqual(plain);
    expect(plain.filter((line) => line.startsWith('failed'))).toEqual([]);
  });
});

describe('what is counted', () => {
  let tracking: QueueTracking;
  let library: Library;

  beforeEach(() => {
    tracking = new QueueTracking();
    library = queueCopy<Library>('mysql2', tracking.tracker);
  });

  it('who waits, who has a connection, and how many there are', async () => {
    const pool = poolOf(library);
    const asked = [1, 2, 3].map(() => pool.promise().getConnection());
    expect(tracking.only).toMatchObject(THREE_ASKED);
    expect(Object.keys(tracking.queues)[0]).toMatch(/^mysql2@test\/unit\/.*\/mysql2\.test\.ts:\d+$/);
    const [first, second] = await Promise.all(asked.slice(0, 2));
    expect(tracking.only).toMatchObject({ size: 1, active: 2, waits: 2 });
    first?.release();
    const third = await asked[2];
    expect(tracking.only).toMatchObject({ size: 0, active: 2, waits: 3, completions: 1 });
    second?.destroy();
    expect(tracking.only).toMatchObject({ active: 1, completions: 2, errors: 1, threads: 1 });
    third?.release();
    await pool.promise().query('one');
    expect(tracking.only).toMatchObject({ arrivals: 4, completions: 4, services: 4, size: 0, active: 0 });
    await pool.promise().end();
    expect(tracking.only).toMatchObject({ threads: 0, limit: 0 });
  });

  it('who is refused, and whose connection failed', async () => {
    const pool = poolOf(library, { connectionLimit: 1, queueLimit: 1 });
    const connection = await pool.promise().getConnection();
    const waits = pool.promise().getConnection();
    await expect(pool.promise().getConnection()).rejects.toThrow('Queue limit');
    expect(tracking.only).toMatchObject({ arrivals: 2, rejections: 1, size: 1 });
    connection.destroy();
    await waits;
    expect(tracking.only).toMatchObject({ arrivals: 2, size: 0, active: 1, waits: 2 });
    await ended(pool);
    await expect(pool.promise().getConnection()).rejects.toThrow('closed');
    expect(tracking.only).toMatchObject({ arrivals: 2, completions: 2, rejections: 2, active: 0 });
    const failing = new QueueTracking();
    const nobody = poolOf(queueCopy<Library>('mysql2', failing.tracker), { port: 1 });
    await expect(nobody.promise().getConnection()).rejects.toThrow('ECONNREFUSED');
    expect(failing.only).toMatchObject({ arrivals: 1, aborts: 1, size: 0, active: 0 });
  });
});
