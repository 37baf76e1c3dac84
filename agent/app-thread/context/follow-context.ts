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
import { activeTraceIds } from '../trace-context.ts';
import { setContextLink } from './context-link.ts';
import { ThreadScopes } from './thread-scopes.ts';

export interface FollowedContext {
  readonly scopes: ThreadScopes;
  /** To be told of the folder of each copy of `@opentelemetry/api`, before it is loaded; absent where nobody needs to know. */
  readonly sawApi: ((folder: string) => void) | undefined;
  /** What the thread does from here on is part of the span in which `new Worker` was called. */
  readonly enterSpawn: () => void;
  /** To be told of each module that is about to run; absent where the thread was not started in a span. */
  readonly sawModule: ((url: string) => void) | undefined;
  readonly stop: () => void;
}

export function followContext(recorder: Recorder, config: Config): FollowedContext {
  const scopes = new ThreadScopes({
    config,
    onLoss: (reason) => recorder.setContextLoss(CONTEXT_LOSSES.indexOf(reason)),
  });
  setContextLink(scopes);
  const { memory, claim } = recorder;
  const spawned = readTraceIds(memory, memory.slotAt(claim.slot, SLOT.SPAWN_CONTEXT));
  const enterSpawn = (): void => {
    if (spawned !== undefined) scopes.enter(spawned);
  };
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
    enterSpawn,
    sawModule: spawned === undefined || config.context === 'off' ? undefined : beforeMain(enterSpawn),
    stop: () => {
      scopes.stop();
      setContextLink(undefined);
    },
  };
}

/**
 * An `--import` is a course of execution of its own, and what was entered there has ended with it when the thread's file is loaded (Node 24 and later): then it is entered
 * once more, before that file runs.
 */
function beforeMain(enter: () => void): (url: string) => void {
  const main = process.argv[1] ?? '';
  const mainUrl = process.getBuiltinModule('node:url').pathToFileURL(main).href;
  let isPast = false;
  return (url) => {
    if (isPast || !url.startsWith(mainUrl) || !/^(?:[?#]|$)/.test(url.slice(mainUrl.length))) return;
    isPast = true;
    if (activeTraceIds() === undefined) enter();
  };
}
