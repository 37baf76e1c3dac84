/**
 * The test projects. `unit` runs in parallel and in seconds; `stress` and `integration` start real threads and real
 * processes, `e2e` real backends besides, one file at a time, so that files do not take each other's processor. `test/run.cjs` starts them.
 *
 * Every file runs in a process of its own: the agent's subject is what a process does to its threads. After each
 * file `test/support/no-leaks.ts` fails it if a worker, a child process or another handle is left.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { TallyReporter } from './test/support/tally-reporter.ts';

const shared = { pool: 'forks', setupFiles: 'test/support/no-leaks.ts' } as const;

const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', new TallyReporter()],
    // Measured on `unit` only, by `test/run.cjs`: what runs on other threads and in other processes is invisible to it.
    coverage: {
      include: ['agent/**/*.ts'],
      exclude: ['agent/app-thread/**', 'agent/{index,preload,start}.ts', 'agent/agent-thread/*.ts', 'agent/cli/*.ts'],
      reporter: ['text-summary'],
      thresholds: { lines: 85, statements: 85, functions: 80, branches: 80 },
      reportsDirectory: '.cache/coverage',
    },
    projects: [
      {
        // What an example imports is the package as it stands in the sources: `unit` needs no build, and no older one is tested in its place.
        resolve: {
          alias: [{ find: /^gridwatch$/, replacement: fileURLToPath(new URL('agent/index.ts', import.meta.url)) }],
        },
        test: {
          ...shared,
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/support/**/*.test.ts'],
          // An exhaustive model takes up to eight seconds of a CPU to itself: the limit is for tests that hang.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'stress',
          include: ['test/stress/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/regression/**/*.test.ts'],
          // A limit for what hangs: on a machine with twenty programs to a core the agent's start alone takes twenty seconds.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/prepare.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'beside',
          include: ['test/beside/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

export default config;
