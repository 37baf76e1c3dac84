/**
 * Trace context across threads, as the application sees it by its own `@opentelemetry/api` or by `activeSpanContext`: of `new Worker` and of each message, across awaits
 * and timers, whatever the worker has registered, on each line of Node.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Installed, installBeside } from '../support/installed.ts';
import type { NodeBinary } from '../support/nodes.ts';
import { observe } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const MAIN = fileURLToPath(new URL('../fixtures/apps/context/main.cjs', import.meta.url));
const INSTALL_MS = 180_000;
const { present, missing } = await findTestedNodes();

const BESIDE = { '@opentelemetry/context-async-hooks': '2.0.0' };
const API = 'api:@opentelemetry/api';
const VERSIONS = ['1.0.4', '1.3.0', '1.9.0', '1.10.0'];

/** Where a package has a copy of its own. */
const NESTED = 'node_modules/a-package/node_modules/@opentelemetry/api';

const everywhere = (digit: string): string => [digit, digit, digit, digit].join();
const NOTHING = everywhere('');
/** What is seen where contexts become active. */
const ALL = {
  atStart: everywhere('1'),
  messages: { first: everywhere('2'), second: NOTHING, third: everywhere('3'), interval: '1' },
};
const NONE = { atStart: NOTHING, messages: { first: NOTHING, second: NOTHING, third: NOTHING, interval: '' } };

async function install(api: string, others: Readonly<Record<string, string>> = {}): Promise<Installed | string> {
  const installed = await installBeside({ '@opentelemetry/api': api, ...others });
  return 'reason' in installed ? installed.reason : installed;
}

async function run(installed: Installed, node: NodeBinary, args: string[], context = 'auto') {
  const { result, observed } = await observe({
    args: [MAIN, ...args],
    cwd: installed.folder,
    registerFile: installed.registerFile,
    node,
    env: { GRIDWATCH_CONTEXT: context, GRIDWATCH_LOG: 'off' },
  });
  expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 0, stderr: '' });
  const reasons = observed
    .series('gridwatch.agent.feature.disabled', { 'gridwatch.feature': 'context' })
    .map(({ attributes }) => attributes['gridwatch.reason']);
  return { seen: JSON.parse(result.stdout) as unknown, reasons };
}

describe.each(present)('Node $version', (node) => {
  const isDefault = node.major >= 24;

  test.each(VERSIONS)(
    'api %s without an SDK, loaded by `require` and by `import`',
    async (version) => {
      const installed = await install(version);
      if (typeof installed === 'string') return expect(installed).toContain('registry');
      for (const args of [['worker.cjs', API], ['worker.mjs']])
        expect(await run(installed, node, args, 'on')).toEqual({ seen: ALL, reasons: [] });
    },
    INSTALL_MS,
  );

  test(
    'by default where the engine carries contexts, never when it is off',
    async () => {
      const installed = await install('1.9.0');
      if (typeof installed === 'string') return expect(installed).toContain('registry');
      const { seen, reasons } = await run(installed, node, ['worker.cjs', API]);
      expect(seen).toEqual(isDefault ? ALL : NONE);
      expect(reasons).toEqual(isDefault ? [] : ['node22_als']);
      expect(await run(installed, node, ['worker.cjs', API], 'off')).toEqual({ seen: NONE, reasons: [] });
    },
    INSTALL_MS,
  );

  test(
    'an SDK that is registered in the first turn, or later',
    async () => {
      const installed = await install('1.9.0', BESIDE);
      if (typeof installed === 'string') return expect(installed).toContain('registry');
      const { seen } = await run(installed, node, ['worker.cjs', API, 'sdk'], 'on');
      expect(seen).toEqual(ALL);
      const later = await run(installed, node, ['worker.cjs', API, 'later'], 'on');
      expect(later.seen).toMatchObject({
        atStart: expect.stringMatching(/^1,1,/),

        messages: { first: everywhere('2'), second: NOTHING, third: everywhere('3') },
      });
    },
    INSTALL_MS,
  );

  test(
    'several versions of the api: none sees the context, and that is said',
    async () => {
      const installed = await install('1.9.0', { 'api-old': 'npm:@opentelemetry/api@1.8.0' });
      if (typeof installed === 'string') return expect(installed).toContain('registry');
      const { seen, reasons } = await run(installed, node, ['worker.cjs', API, `api:./${NESTED}`], 'on');
      expect(seen).toEqual(NONE);
      expect(reasons).toEqual(['several_api_versions']);
    },
    INSTALL_MS,
  );

  test(
    '`activeSpanContext`, in a worker without any OpenTelemetry',
    async () => {
      const installed = await install('1.9.0');
      if (typeof installed === 'string') return expect(installed).toContain('registry');
      const { seen } = await run(installed, node, ['worker.cjs', 'gridwatch'], 'on');
      expect(seen).toEqual(ALL);
      const { seen: byDefault } = await run(installed, node, ['worker.cjs', 'gridwatch']);
      const synchronously = {
        atStart: NOTHING,
        messages: { first: '2,,,', second: NOTHING, third: '3,,,', interval: '' },
      };
      expect(byDefault).toEqual(isDefault ? ALL : synchronously);
    },
    INSTALL_MS,
  );
});

describe.each(missing)('without a Node to test', ({ reason }) => {
  test('says why', ({ skip }) => skip(reason));
});
