/**
 * Where every copy of our modules finds the scopes of its thread: a symbol on the global that the preload sets.
 *
 * Runs on application threads.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { Context } from '../trace-context.ts';

const LINK = Symbol.for('gridwatch.context');
/** Grows when what stands here changes its meaning. */
const LINK_VERSION = 1;

export interface ContextLink {
  readonly version: number;
  /** The ids of the active span, or of the message that is served; whoever asks may make spans of them. */
  active(): TraceIds | undefined;
  /** The context of the message that is served, where no context manager of the application's has it. */
  readonly context: Context | undefined;
}

const holder = globalThis as { [LINK]?: ContextLink };

export function findContextLink(): ContextLink | undefined {
  const link = holder[LINK];
  return link?.version === LINK_VERSION ? link : undefined;
}

/** Sets what others find, or takes it away. */
export function setContextLink(scopes: Omit<ContextLink, 'version'> | undefined): void {
  if (scopes === undefined) {
    Reflect.deleteProperty(globalThis, LINK);
    return;
  }
  const value: ContextLink = {
    version: LINK_VERSION,
    active: () => scopes.active(),
    get context() {
      return scopes.context;
    },
  };
  Object.defineProperty(globalThis, LINK, { value, configurable: true, enumerable: false });
}
