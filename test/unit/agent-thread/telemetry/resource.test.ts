/** The resource: who stands above whom, and what is never in it. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import {
  createResource,
  LateResource,
  type ResourceAttributes,
  type ResourceTools,
} from '../../../../agent/agent-thread/telemetry/resource.ts';

const sdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const tools = sdk('@opentelemetry/resources') as ResourceTools;

/** The SDK's detector reads the process's environment: here it is given one. */
function attributes(
  env: Record<string, string> = {},
  ofProcess: Record<string, string | number> = {},
  ofApplication?: ResourceAttributes,
) {
  const envDetector = {
    detect() {
      const saved = { ...process.env };
      Object.assign(process.env, env);
      try {
        return tools.envDetector.detect();
      } finally {
        for (const name of Object.keys(env)) {
          if (saved[name] === undefined) delete process.env[name];
          else process.env[name] = saved[name];
        }
      }
    },
  };
  return createResource({ ...tools, envDetector }, ofProcess, env, '1.2.3', ofApplication).attributes;
}

describe('precedence', () => {
  test('without anything else there is a name, an instance and a distribution', () => {
    expect(attributes()).toMatchObject({
      'service.name': expect.stringMatching(/^unknown_service/),
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'telemetry.distro.name': 'gridwatch',
      'telemetry.distro.version': '1.2.3',
    });
  });

  test('what the agent found out stands above the defaults', () => {
    const found = { 'service.name': 'shop', 'service.instance.id': 'one', 'process.pid': 7 };
    expect(attributes({}, found)).toMatchObject(found);
  });

  test('the user stands above the agent, but not above the distribution', () => {
    const env = {
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,service.instance.id=two,process.pid=8,telemetry.distro.name=mine',
      OTEL_SERVICE_NAME: 'b',
    };
    expect(attributes(env, { 'service.name': 'shop', 'service.instance.id': 'one' })).toMatchObject({
      'service.name': 'b',
      'service.instance.id': 'two',
      'process.pid': '8',
      'telemetry.distro.name': 'gridwatch',
    });
  });
});

describe("the application's own resource", () => {
  const ofApplication = { 'service.name': 'own', 'service.instance.id': 'three', 'app.tags': ['a', 'b'] };

  test('stands above the agent and above the user, whom the SDK has asked already', () => {
    const env = { OTEL_SERVICE_NAME: 'b', OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=two,app.flavour=vanilla' };
    expect(attributes(env, { 'service.name': 'shop' }, ofApplication)).toMatchObject({
      ...ofApplication,
      'app.flavour': 'vanilla',
      'telemetry.distro.name': 'gridwatch',
    });
  });

  test('leaves what it does not say', () => {
    const found = { 'service.name': 'shop', 'service.instance.id': 'one', 'process.pid': 7 };
    expect(attributes({}, found, { 'service.name': 'own' })).toMatchObject({ ...found, 'service.name': 'own' });
  });
});

describe('detectors', () => {
  test('by default: host and operating system, without ids', () => {
    const found = attributes();
    expect(found).toMatchObject({
      'host.name': expect.any(String),
      'host.arch': expect.any(String),
      'os.type': expect.any(String),
    });
    expect(found).not.toHaveProperty('host.id');
  });

  test('none of them', () => {
    const ofProcess = { 'service.name': 'shop', 'service.instance.id': 'one', 'process.pid': 7 };
    const found = attributes({ OTEL_NODE_RESOURCE_DETECTORS: 'none' }, ofProcess);
    expect(Object.keys(found).filter((key) => /^(?:host|os|process)\./.test(key))).toEqual([]);
    expect(found).toMatchObject({ 'service.name': 'shop', 'service.instance.id': 'one' });
    expect(attributes({ OTEL_NODE_RESOURCE_DETECTORS: 'process' }, ofProcess)).toMatchObject(ofProcess);
  });

  test('the host alone, with its id where that is a file', () => {
    const found = attributes({ OTEL_NODE_RESOURCE_DETECTORS: 'env,host' });
    expect(found).toHaveProperty('host.name');
    expect(found).not.toHaveProperty('os.type');
    const hasId = ['/etc/machine-id', '/var/lib/dbus/machine-id'].some((file) => existsSync(file));
    expect('host.id' in found).toBe(hasId);
  });
});

test('nothing is waited for', () => {
  const resource = createResource(tools, {}, { OTEL_NODE_RESOURCE_DETECTORS: 'all' }, '1.2.3');
  expect(resource.asyncAttributesPending).toBe(false);
});

test('while it is not settled it is what is known, and says that it is waited for', async () => {
  let settle: (resource: ReturnType<ResourceTools['defaultResource']>) => void = () => {};
  const settled = new Promise<ReturnType<ResourceTools['defaultResource']>>((resolve) => {
    settle = resolve;
  });
  const late = new LateResource(tools.resourceFromAttributes({ a: 1, b: 1 }), settled);
  expect([late.asyncAttributesPending, late.attributes]).toEqual([true, { a: 1, b: 1 }]);
  const waited = late.waitForAsyncAttributes();
  settle(tools.resourceFromAttributes({ a: 2 }));
  await waited;
  expect([late.asyncAttributesPending, late.attributes]).toEqual([false, { a: 2 }]);
  expect(late.getRawAttributes()).toEqual([['a', 2]]);
  expect(late.merge(tools.resourceFromAttributes({ b: 3 })).attributes).toEqual({ a: 2, b: 3 });
});
