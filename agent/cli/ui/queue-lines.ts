/**
 * The queues of a frame of the live view: what waits in them, how long, and how busy those are who serve them. Runs in the process of `gridwatch run --ui`. It is
 * a function of what it is given.
 */
import { type Look, paint } from './paint.ts';
import { columnsOf, fit } from './printable.ts';
import { formatMs, formatShare } from './quantities.ts';
import type { QueueSummary } from './queue-summary.ts';

/** With fewer rows there is room for threads and spans alone. */
const MIN_ROWS = 24;
const MAX_QUEUES = 3;
const NAME_COLUMNS = 30;

/** A title and the queues whose items waited longest, below an empty line; nothing where there is no room, or none was used. */
export function queueLines(queues: readonly QueueSummary[], look: Look): string[] {
  if (look.rows < MIN_ROWS || queues.length === 0) return [];
  const shown = queues.slice(0, MAX_QUEUES);
  const more = queues.length > shown.length ? `  (${shown.length} of ${queues.length})` : '';
  const nameColumns = Math.min(NAME_COLUMNS, Math.max(12, Math.floor(look.columns / 3)));
  return [
    '',
    paint(
      [
        ['bold', 'QUEUES'],
        ['dim', more],
      ],
      look,
    ),
    ...shown.map((queue) =>
      paint([fit(shortened(nameOf(queue), nameColumns), nameColumns), ' ', factsOf(queue).join(', ')], look),
    ),
  ];
}

function nameOf({ name, direction }: QueueSummary): string {
  if (direction === 'to_worker') return `to ${name}`;
  return direction === 'to_parent' ? `from ${name}` : name;
}

/** Of `<library>@<folders>/<file>` the folders go first: what it is and where it was made tells queues apart. */
function shortened(name: string, columns: number): string {
  const [what = '', ...rest] = name.split('@');
  const folders = rest.join('@').split('/');
  while (folders.length > 1 && columnsOf(`${what}@…/${folders.join('/')}`) > columns) folders.shift();
  const isWhole = rest.length === 0 || !name.includes('/') || columnsOf(name) <= columns;
  return isWhole ? name : `${what}@…/${folders.join('/')}`;
}

function factsOf({ kind, size, oldestS, waits, pool }: QueueSummary): string[] {
  return [
    /* How many wait for libuv's threads nobody can see. */
    ...(kind === 'libuv' ? [] : [`${size} waiting${size > 0 && oldestS > 0 ? ` (${formatMs(oldestS * 1000)})` : ''}`]),
    ...(waits.count > 0 ? [`waits ${formatMs((waits.sumS / waits.count) * 1000)} each`] : []),
    ...(pool === undefined ? [] : [`busy ${formatShare(pool.utilization)}`]),
  ];
}
