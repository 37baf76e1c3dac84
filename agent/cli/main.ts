#!/usr/bin/env node
/**
 * The command `gridwatch`. It runs in a process of its own, beside the program and never inside it. Nothing but this file
 * may be loaded before the version check: the reader with an old Node gets one sentence, not a syntax error.
 */

const USAGE = `Gridwatch shows what a Node.js program's threads do to each other.

  gridwatch run [--ui] [node options] app.js [arguments]
      Runs the program with the agent. Whatever you would write after "node" goes after "gridwatch run".
      --ui shows its threads while it runs, and at the end what to look at first.
  gridwatch observe -- command [arguments]    or: gridwatch observe --pid N
      Runs a program that is not Node, or attaches to one, and tells from outside what its threads do.
  gridwatch compare [--rounds N] [--inside] [--json] -- command A --vs command B
      Runs two programs by turns, and says what B takes of time, CPU, and energy against A, with intervals.
  gridwatch doctor [--json]
      Says what Gridwatch can see on this machine, what it cannot, and how to change that.
  gridwatch inventory
      Prints what GRIDWATCH_INVENTORY=full adds to everything exported: the machine, as JSON.
  gridwatch path
      Prints the absolute path of the file to preload:  NODE_OPTIONS="--require $(npx gridwatch path)"
`;

/** OpenTelemetry JS 3 has the same floor. */
const OLDEST_NODE = [22, 15] as const;

function refusal(): string | undefined {
  const { bun, node } = process.versions;
  if (bun !== undefined || 'Deno' in globalThis) return 'it runs on Node.js only; this is another runtime.';
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `it needs Node.js ${OLDEST_NODE.join('.')} or newer; this is ${node}, at ${process.execPath}.`;
}

async function main(command: string | undefined, args: readonly string[]): Promise<void> {
  switch (command) {
    case 'run': {
      const { run } = await import('./run.ts');
      return run(args);
    }
    case 'observe': {
      const { observe } = await import('./observe.ts');
      return observe(args);
    }
    case 'compare': {
      const { compare } = await import('./compare.ts');
      process.exitCode = await compare(args);
      return;
    }
    case 'doctor': {
      const { doctor } = await import('./doctor.ts');
      process.exitCode = await doctor(args);
      return;
    }
    case 'inventory': {
      const { printInventory } = await import('./inventory.ts');
      /* At once: a shell that hangs must not keep this process. */
      return process.exit(await printInventory());
    }
    case 'path': {
      const { printPath } = await import('./path.ts');
      process.exitCode = printPath();
      return;
    }
    case '--version':
    case '-v': {
      const { packageVersion } = await import('./path.ts');
      console.log(packageVersion());
      return;
    }
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(USAGE);
      return;
    case undefined:
      process.stderr.write(USAGE);
      process.exitCode = 2;
      return;
    default:
      process.stderr.write(`gridwatch: there is no command "${command}".\n\n${USAGE}`);
      process.exitCode = 2;
  }
}

const reason = refusal();
if (reason === undefined) {
  const [command, ...args] = process.argv.slice(2);
  await main(command, args);
} else {
  process.stderr.write(`gridwatch: ${reason}\n`);
  process.exitCode = 1;
}
