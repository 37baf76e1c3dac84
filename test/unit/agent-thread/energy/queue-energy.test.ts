/** What posting to a port has cost. */
import { expect, test } from 'vitest';
import { QueueEnergy } from '../../../../agent/agent-thread/energy/queue-energy.ts';
import { QueueTotals } from '../../../../agent/agent-thread/model/queue-totals.ts';
import { collectFrom } from '../../../support/recording-sink.ts';

const SERIES =
  'gridwatch.queue.energy{gridwatch.queue.name=echo,gridwatch.queue.kind=message_port,gridwatch.queue.direction=to_worker}';

test('posts are priced once, at the rate of their time; queues without any are not told of', () => {
  const totals = new QueueTotals();
  const rates = { powerPerCpuW: 4 };
  const energy = new QueueEnergy({ totals: () => totals, rates });
  const echo = totals.of('echo', 'message_port', 'to_worker');
  totals.of('jobs', 'task_queue').arrivals++;
  expect(collectFrom(energy)).toEqual({});
  echo.serialises.record(1e6);
  expect(collectFrom(energy)).toEqual({ [SERIES]: 4000 });
  rates.powerPerCpuW = 8;
  expect(collectFrom(energy)).toEqual({ [SERIES]: 4000 });
  echo.serialises.record(1e6);
  expect(collectFrom(energy)).toEqual({ [SERIES]: 12_000 });
});
