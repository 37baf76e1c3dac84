/**
 * Follows the connections that Node itself makes for a program: those of agents of `http`, and those of `fetch`.
 *
 * Runs on application threads, as part of the preload. Where one of them cannot be followed, that is said, and the program goes on as without.
 */
import { followRequests, type RequestsPatch } from './fetch-requests.ts';
import { type AgentPatch, followHttpAgents, HTTP_MODULES, isHttpLoaded } from './http-agents.ts';

/** What is loaded with the first of them. */
export interface ConnectionPatches {
  patchAgents(): AgentPatch | undefined;
  followRequests(): RequestsPatch | undefined;
}

export interface OwnConnections {
  /** To be called with the URL of a module that is about to run. Never throws. */
  readonly beforeLoad: (url: string) => void;
  readonly stop: () => void;
}

export function followOwnConnections(
  load: () => ConnectionPatches,
  onFailure: (error: unknown) => void,
): OwnConnections {
  const undo: (() => void)[] = [];
  const follow = (begin: () => () => void): void => {
    try {
      undo.push(begin());
    } catch (error) {
      onFailure(error);
    }
  };
  let hasHttp = false;
  const followHttp = (): void => {
    if (hasHttp) return;
    hasHttp = true;
    follow(() => followHttpAgents(() => load().patchAgents()));
  };
  if (isHttpLoaded()) followHttp();
  follow(() => followRequests(() => load().followRequests()));
  return {
    beforeLoad: (url) => HTTP_MODULES.has(url) && followHttp(),
    stop: () => {
      for (const step of undo.splice(0).toReversed()) step();
    },
  };
}
