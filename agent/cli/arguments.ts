/**
 * Reads the arguments of `gridwatch run`. Runs in the process of the command, before the program. It must not reorder or rewrite
 * anything: what is not Gridwatch's own goes to Node word for word.
 *
 * Own options count only before the script, and so the script has to be found. It is the first argument that is neither
 * an option nor the value of one: `VALUE_OPTIONS` lists those whose value is the next argument (a test holds it against
 * `node --help`). `--` ends the options, as it does for Node. Should a future Node bring an option that the list lacks, its
 * value is taken for the script; all that does is to leave a later `--ui` to the program.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';

export type RunRequest =
  | {
      readonly kind: 'run';
      readonly hasView: boolean;
      readonly nodeArguments: readonly string[];
      /** Undefined with `-e`, and where Node reads the program from elsewhere. */
      readonly script: string | undefined;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Options of Node 22 to 26 whose value may be the next argument. `--inspect` and the like take theirs after `=` only. */
export const VALUE_OPTIONS: ReadonlySet<string> = new Set(
  `-C -e -p -pe -r --allow-fs-read --allow-fs-write --bench-isolation --bench-name-pattern --bench-reporter
  --bench-reporter-destination --bench-samples --bench-warmup --build-sea --build-snapshot-config --conditions
  --cpu-prof-dir --cpu-prof-interval --cpu-prof-name --debug-port --diagnostic-dir --disable-proto --disable-warning
  --dns-result-order --env-file --env-file-if-exists --eval --experimental-config-file --experimental-default-type
  --experimental-loader --experimental-package-map --experimental-sea-config --experimental-test-isolation
  --experimental-test-tag-filter --heap-prof-dir --heap-prof-interval --heap-prof-name --heapsnapshot-near-heap-limit
  --heapsnapshot-signal --icu-data-dir --import --input-type --inspect-port --inspect-publish-uid --loader
  --localstorage-file --max-http-header-size --max-old-space-size-percentage
  --network-family-autoselection-attempt-timeout --openssl-config --print --redirect-warnings --report-dir
  --report-directory --report-filename --report-signal --require --run --secure-heap --secure-heap-min --snapshot-blob
  --test-concurrency --test-coverage-branches --test-coverage-exclude --test-coverage-functions --test-coverage-include
  --test-coverage-lines --test-global-setup --test-isolation --test-name-pattern --test-random-seed --test-reporter
  --test-reporter-destination --test-rerun-failures --test-shard --test-skip-pattern --test-timeout --title
  --tls-cipher-list --tls-keylog --trace-event-categories --trace-event-file-pattern --trace-require-module
  --unhandled-rejections --use-largepages --v8-pool-size --vfs-load --vfs-mount --watch-kill-signal --watch-path`.split(
    /\s+/,
  ),
);

/** Programs that people start with a word before the script; none of them is a script. */
const LAUNCHERS: ReadonlySet<string> = new Set([
  'npm',
  'npx',
  'pnpm',
  'yarn',
  'tsx',
  'ts-node',
  'nodemon',
  'nest',
  'next',
]);

export function readRunArguments(args: readonly string[]): RunRequest {
  const nodeArguments: string[] = [];
  let hasView = false;
  let at = 0;
  for (; at < args.length; at++) {
    const argument = args[at] ?? '';
    if (argument === '--' || argument === '-' || !argument.startsWith('-')) break;
    if (argument === '--ui') {
      hasView = true;
    } else if (argument === '--help' || argument === '-h') {
      return { kind: 'help' };
    } else if (argument.startsWith('--ui=')) {
      return refused(`--ui takes no value: write --ui alone, or leave it out.`);
    } else if (isUnknownToNode(argument)) {
      return refused(
        `${argument} is neither --ui, the one option of "gridwatch run", nor an option of Node ${process.versions.node}. ` +
          'An argument for your program goes after the script.',
      );
    } else {
      nodeArguments.push(argument);
      if (VALUE_OPTIONS.has(argument) && at + 1 < args.length) nodeArguments.push(args[++at] ?? '');
    }
  }
  const script = args[at] === '--' ? args[at + 1] : args[at];
  nodeArguments.push(...args.slice(at));
  if (nodeArguments.length === 0) return refused('there is no script to run. For example: gridwatch run --ui app.js');
  const reason = script === undefined ? undefined : launcherReason(script);
  return reason === undefined ? { kind: 'run', hasView, nodeArguments, script } : refused(reason);
}

function refused(reason: string): RunRequest {
  return { kind: 'refused', reason };
}

function launcherReason(script: string): string | undefined {
  if (existsSync(script)) return undefined;
  const name = basename(script);
  if (/^node(js)?(\.exe)?$/.test(name)) {
    return `leave out the word "${script}": gridwatch run starts Node itself. For example: gridwatch run --ui app.js`;
  }
  if (!LAUNCHERS.has(name)) return undefined;
  return (
    `it runs a JavaScript file, and "${script}" is a command. Name the program's own file, or preload the agent: ` +
    `NODE_OPTIONS="--require $(npx gridwatch path)" ${script} ...`
  );
}

/** Node itself is asked, but only when neither of the two lists at hand has the option. */
function isUnknownToNode(argument: string): boolean {
  const name = argument.split('=', 1)[0] ?? argument;
  if (VALUE_OPTIONS.has(name) || process.allowedNodeEnvironmentFlags.has(name)) return false;
  const { stderr } = spawnSync(process.execPath, [argument, '--version'], { encoding: 'utf8', env: {}, input: '' });
  return typeof stderr === 'string' && stderr.includes('bad option');
}
