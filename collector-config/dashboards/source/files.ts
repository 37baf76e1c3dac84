/** What each file of dashboards must hold. Runs in the process of `npm run dashboards`, and in the tests. */
import { agent } from './agent.ts';
import { dashboardOf } from './dashboard.ts';
import { energy } from './energy.ts';
import { gc } from './gc.ts';
import { locks } from './locks.ts';
import { overview } from './overview.ts';
import { queues } from './queues.ts';
import { threads } from './threads.ts';

export const FOLDER: URL = new URL('../', import.meta.url);

const DASHBOARDS = [overview, threads, locks, queues, gc, energy, agent];

/** By the name of the file in `FOLDER`. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  const text = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  return new Map(DASHBOARDS.map((each) => [`${each.area}.json`, text(dashboardOf(each))]));
}
