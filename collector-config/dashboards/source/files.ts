/** What each file of dashboards must hold. Runs in the process of `npm run dashboards`, and in the tests. */
import { agent } from './agent.ts';
import { dashboardOf } from './dashboard.ts';
import { energy } from './energy.ts';
import { gc } from './gc.ts';
import { locks } from './locks.ts';
import { overview } from './overview.ts';
import { panelIndex } from './panel-index.ts';
import { queues } from './queues.ts';
import { threads } from './threads.ts';

export const FOLDER: URL = new URL('../', import.meta.url);

const DASHBOARDS = [overview, threads, locks, queues, gc, energy, agent];

/** By the name of the file in `FOLDER`. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  const text = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  return new Map(DASHBOARDS.map((each) => [`${each.area}.json`, text(dashboardOf(each))]));
}

/** Beside the runbooks, which name metrics. */
export const INDEX = '../runbooks/panels.md';

/** All that is generated, by its place seen from `FOLDER`. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([...dashboardFiles(), [INDEX, panelIndex(DASHBOARDS.map(dashboardOf))]]);
}
