/** What the agent says of itself: what it lost, by kind. */
import { expect, test } from 'vitest';
import { AgentSelf, DropCounts } from '../../../../agent/agent-thread/model/self.ts';
import { Clock } from '../../../../agent/shared-memory/clock.ts';
import { HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../../../agent/shared-memory/layout.ts';
import { collectFrom, only } from '../../../support/recording-sink.ts';

test('threads and names that found no room are counted where they were lost, everything else by the agent thread', () => {
  const memory = ControlMemory.create(0);
  const drops = new DropCounts();
  const settings = { memory, clock: new Clock(0), drainDurations: new HistogramTotal('waits'), disabledFeatures: [] };
  const self = new AgentSelf(settings, drops);
  expect(only(collectFrom(self), 'gridwatch.agent.dropped')).toEqual({});
  memory.i32[HEADER.THREADS_DROPPED >> 2] = 2;
  memory.i32[HEADER.NAMES_DROPPED >> 2] = 3;
  drops.count('lock', 4);
  expect(only(collectFrom(self), 'gridwatch.agent.dropped')).toEqual({
    'gridwatch.record.kind=thread': 2,
    'gridwatch.record.kind=name': 3,
    'gridwatch.record.kind=lock': 4,
  });
});
