/** Pools whose tasks wait for tasks of the same pool; and pools that are merely busy, or slow. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PoolStarvation } from '../../../../agent/agent-thread/detect/pool-starvation.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import { claimQueueCell, QUEUE_CELL, type QueueCell } from '../../../../agent/shared-memory/queue-cells.ts';
import { RecordedFindings } from './recorded-voices.ts';

const S = 1e9;

let findings: RecordedFindings;
let detector: PoolStarvation;
let cell: QueueCell;

beforeEach(() => {
  const memory = ControlMemory.create(0);
  findings = new RecordedFindings();
  detector = new PoolStarvation({
    memory,
    findings,
    nameOf: (number) => `pool ${number}`,
    threadOf: () => undefined,
  });
  cell = claimQueueCell(memory, { slot: 0, generation: 1 }, 7, 'pool') as QueueCell;
});

/** A pool of two, both of which work on tasks that have put one into it each. */
function starve(): void {
  cell.add(QUEUE_CELL.LIMIT, 2);
  cell.add(QUEUE_CELL.ARRIVALS, 4);
  cell.add(QUEUE_CELL.ACTIVE, 2);
  cell.add(QUEUE_CELL.SIZE, 2);
  cell.add(QUEUE_CELL.SELF_WAITING, 2);
}

function pass(fromS: number, untilS: number, each: (atS: number) => void = () => {}): void {
  for (let tenth = fromS * 10; tenth <= untilS * 10; tenth++) {
    each(tenth / 10);
    detector.look((tenth / 10) * S);
  }
}

describe('a starved pool', () => {
  test('is told once, after ten seconds', () => {
    starve();
    pass(0, 9.9);
    expect(findings.all).toEqual([]);
    pass(10, 60);
    expect(findings.all).toMatchObject([
      {
        finding: 'pool_starvation',
        attributes: { 'gridwatch.queue.name': 'pool 7', 'gridwatch.queue.kind': 'pool' },
        body: expect.stringContaining(
          'pool 7 waits for itself: each of the 2 tasks that it works on has put tasks into it',
        ),
      },
    ]);
  });

  test('is told of although others submit to it all the time', () => {
    starve();
    pass(0, 20, () => {
      cell.add(QUEUE_CELL.ARRIVALS);
      cell.add(QUEUE_CELL.SIZE);
    });
    expect(findings.all).toHaveLength(1);
  });

  test('is told again when it has gone on meanwhile', () => {
    starve();
    pass(0, 15);
    cell.add(QUEUE_CELL.COMPLETIONS);
    pass(15.1, 40);
    expect(findings.all).toHaveLength(2);
  });
});

describe('none is told', () => {
  test.each<[name: string, change: () => void]>([
    ['of a pool with a task that waits for nothing of its own', () => cell.add(QUEUE_CELL.SELF_WAITING, -1)],
    ['of a pool with room, whose tasks will begin', () => cell.add(QUEUE_CELL.LIMIT)],
    ['of a pool in which nothing waits', () => cell.add(QUEUE_CELL.SIZE, -2)],
    ['of an idle pool', () => cell.add(QUEUE_CELL.ACTIVE, -2)],
  ])('%s', (_, change) => {
    starve();
    change();
    pass(0, 60);
    expect(findings.all).toEqual([]);
  });

  test('of a crawler, whose tasks put tasks into it and end', () => {
    starve();
    pass(0, 60, (atS) => {
      if (atS % 9 !== 0) return;
      cell.add(QUEUE_CELL.COMPLETIONS);
      cell.add(QUEUE_CELL.ARRIVALS);
    });
    expect(findings.all).toEqual([]);
  });

  test('of one in which tasks begin', () => {
    starve();
    pass(0, 60, (atS) => {
      if (atS % 9 === 0) cell.add(QUEUE_CELL.ARRIVALS);
    });
    expect(findings.all).toEqual([]);
  });
});
