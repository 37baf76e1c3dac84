/** Who the process is: when it is settled, and what of the application's resource is taken over. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Identity } from '../../../agent/agent-thread/identity.ts';

let late: number;
let identity: Identity;

beforeEach(() => {
  vi.useFakeTimers();
  late = 0;
  identity = new Identity({ onLate: () => late++, waitMs: 5000 });
});

afterEach(() => {
  vi.useRealTimers();
});

const notice = (attributes: object, isComplete = true) => ({ resource: Object.entries(attributes), isComplete });

async function settled(): Promise<unknown> {
  const open = Symbol('open');
  await Promise.resolve();
  return Promise.race([identity.resource, Promise.resolve(open)]).then((value) => (value === open ? 'open' : value));
}

describe('it is settled', () => {
  it('by a complete notice, at once', async () => {
    expect(await settled()).toBe('open');
    identity.receive(notice({ 'service.name': 'shop' }));
    expect(await settled()).toEqual({ 'service.name': 'shop' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('when it was waited for in vain', async () => {
    vi.advanceTimersByTime(4999);
    expect(await settled()).toBe('open');
    vi.advanceTimersByTime(1);
    expect(await settled()).toBeUndefined();
  });

  it('by a flush', async () => {
    identity.settle();
    identity.settle();
    expect(await settled()).toBeUndefined();
  });

  it('by what is known, when the rest does not come in time', async () => {
    identity.receive(notice({ 'service.name': 'shop' }, false));
    expect(await settled()).toBe('open');
    vi.advanceTimersByTime(5000);
    expect(await settled()).toEqual({ 'service.name': 'shop' });
    expect(late).toBe(0);
    identity.receive(notice({ 'service.name': 'shop', 'host.name': 'h' }));
    expect(late).toBe(0);
  });

  it('by the rest, when it comes in time', async () => {
    identity.receive(notice({ 'service.name': 'shop' }, false));
    identity.receive(notice({ 'service.name': 'shop', 'cloud.region': 'r' }));
    expect(await settled()).toEqual({ 'service.name': 'shop', 'cloud.region': 'r' });
  });
});

it('an SDK that is registered too late changes nothing, and is told of', async () => {
  identity.settle();
  identity.receive(notice({ 'service.name': 'shop' }));
  expect(late).toBe(1);
  expect(await settled()).toBeUndefined();
});

describe('of the resource', () => {
  async function takenOver(attributes: object): Promise<unknown> {
    identity.receive(notice(attributes));
    return identity.resource;
  }

  it('everything is taken over that says who the process is', async () => {
    const resource = {
      'service.name': 'unknown_service:/usr/bin/node',
      'service.instance.id': 'one',
      'service.namespace': 'n',
      'deployment.environment.name': 'prod',
      'host.name': 'h',
      'k8s.pod.name': 'p',
      'container.id': 'c',
      'host.id': 'i',
      'host.ip': ['10.0.0.1'],
      'app.tags': ['a', 'b'],
      'app.size': 3,
      'app.isCanary': true,
    };
    expect(await takenOver(resource)).toEqual(resource);
  });

  it('nothing is taken over that stays in the process, or says who made the data', async () => {
    const resource = {
      'process.command': '/srv/app.js',
      'process.command_args': ['/usr/bin/node', '--secret=1'],
      'process.command_line': 'node app.js',
      'process.executable.path': '/usr/bin/node',
      'process.executable.name': '/usr/bin/node',
      'process.owner': 'root',
      'process.working_directory': '/srv',
      'host.mac': ['00-00'],
      'telemetry.sdk.version': '1.30.1',
      'telemetry.distro.name': 'other',
    };
    expect(await takenOver(resource)).toEqual({});
  });

  it('what no attribute can be is left out', async () => {
    const resource = {
      '': 'a',
      ['n'.repeat(257)]: 'a',
      long: 'x'.repeat(4097),
      nan: Number.NaN,
      infinite: Infinity,
      none: null,
      nested: [['a']],
      object: {},
      kept: 'yes',
    };
    expect(await takenOver(resource)).toEqual({ kept: 'yes' });
  });

  it('more than 128 attributes are not taken', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`a${i}`, i]));
    expect(Object.keys((await takenOver(many)) as object)).toHaveLength(128);
  });

  it('the first of a name holds, and no name reaches the prototype', async () => {
    const resource = [
      ['a', 1],
      ['a', 2],
      ['__proto__', 'x'],
    ];
    identity.receive({ resource, isComplete: true });
    expect(await identity.resource).toEqual({ a: 1 });
  });
});

it.each([
  undefined,
  null,
  7,
  'text',
  {},
  { resource: {} },
  { resource: 'x' },
  { resource: [1, null, [], [1, 2], ['a']] },
])('a message like %o does no harm', async (message) => {
  expect(() => identity.receive(message)).not.toThrow();
  identity.settle();
  expect((await identity.resource) ?? {}).toEqual({});
});
