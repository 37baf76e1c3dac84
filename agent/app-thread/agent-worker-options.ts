/**
 * What of the program's environment and options reaches the agent's own thread: nothing that runs code there.
 *
 * Runs on the main thread, when the agent thread is started. A preload of the program's (an SDK, another agent, a loader of another language) is
 * meant for the program; in the agent thread it would observe the agent, and the first line it prints would keep the process from ending. The one
 * exception is Yarn's Plug'n'Play: where it is in charge, our own packages are found only through its hooks.
 */
import { nodeOptionsWithoutCode } from './preload-argument.ts';

const { existsSync } = process.getBuiltinModule('node:fs');
const { dirname, join } = process.getBuiltinModule('node:path');
const { pathToFileURL } = process.getBuiltinModule('node:url');

export interface AgentWorkerOptions {
  readonly execArgv: string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The options for the agent thread's `new Worker`; `file` is one of our own. */
export function agentWorkerOptions(file: string): AgentWorkerOptions {
  /* Of NODE_DEBUG only the program's own lines are wanted. */
  const { NODE_OPTIONS, NODE_DEBUG: _debug, ...env } = process.env;
  if (NODE_OPTIONS !== undefined) env['NODE_OPTIONS'] = nodeOptionsWithoutCode(NODE_OPTIONS);
  return { execArgv: plugAndPlayArgv(file), env };
}

/** https://yarnpkg.com/advanced/pnpapi: what `.pnp.cjs` adds to Node's module `module`, and to what is found as `pnpapi`. */
interface PlugAndPlayModule {
  findPnpApi?(path: string): { resolveRequest(request: string, issuer: string | null): string | null } | null;
}

function plugAndPlayArgv(file: string): string[] {
  if (process.versions['pnp'] === undefined) return [];
  const { findPnpApi } = process.getBuiltinModule('node:module') as PlugAndPlayModule;
  const hooks = findPnpApi?.(file)?.resolveRequest('pnpapi', null);
  if (typeof hooks !== 'string') return [];
  const loader = join(dirname(hooks), '.pnp.loader.mjs');
  return ['--require', hooks, ...(existsSync(loader) ? ['--experimental-loader', pathToFileURL(loader).href] : [])];
}
