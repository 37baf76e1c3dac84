/**
 * The trace context of one thread: its scopes, the copies of the api that are loaded there, and the context in which it was started.
 *
 * Runs on application threads, as part of the preload.
 */
import type { Config } from '../../config/options.ts';
import { SLOT } from '../../shared-memory/layout.ts';
import { CONTEXT_LOSSES, readTraceIds } from '../../shared-memory/registry.ts';
import { versionIn } from '../instrumentation/package-loader.ts';
import type { Recorder } from '../recorder.ts';
import { setContextLink } from './context-link.ts';
import { ThreadScopes } from './thread-scopes.ts';

export interface FollowedContext {
  readonly scopes: ThreadScopes;
  /** To be told of the folder of each copy of `@opentelemetry/api`, before it is loaded; absent where nobody needs to know. */
  readonly sawApi: ((folder: string) => void) | undefined;
  /** What the thread does from here on is part of the span in which `new Worker` was called. */
  readonly enterSpawn: () => void;
  readonly stop: () => void;
}

export function followContext(recorder: Recorder, config: Config): FollowedContext {
  const scopes = new ThreadScopes({
    config,
    onLoss: (reason) => recorder.setContextLoss(CONTEXT_LOSSES.indexOf(reason)),
  });
  setContextLink(scopes);
  return {
    scopes,
    sawApi:
      config.context === 'off'
        ? undefined
        : (folder) => {
            try {
              scopes.sawApi(versionIn(folder));
            } catch {
              /* It has no version: a copy that is not installed as a package. */
            }
          },
    enterSpawn: () => {
      const { memory, claim } = recorder;
      const context = readTraceIds(memory, memory.slotAt(claim.slot, SLOT.SPAWN_CONTEXT));
      if (context !== undefined) scopes.enter(context);
    },
    stop: () => {
      scopes.stop();
      setContextLink(undefined);
    },
  };
}
