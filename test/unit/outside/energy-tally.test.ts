/** What a person is told of the energy of a program, out of what one collection has of it. */
import { expect, test } from 'vitest';
import { EnergyTally } from '../../../agent/outside/energy-tally.ts';

const process = (source: string, boundary: string, component: string) => ({
  'gridwatch.energy.component': component,
  'gridwatch.energy.source': source,
  'gridwatch.energy.boundary': boundary,
});

test('what a source has told before it broke is part of the program, whose source is the last one', () => {
  const tally = new EnergyTally();
  expect(tally.told).toBeUndefined();
  tally.sum('gridwatch.process.energy', process('rapl', 'package', 'active'), 5);
  tally.sum('gridwatch.process.energy', process('rapl', 'package', 'idle'), 1);
  tally.sum('gridwatch.process.energy', process('model:family', 'wall', 'active'), 20);
  tally.sum('gridwatch.process.energy', process('model:family', 'wall', 'idle'), 2);
  tally.sum('gridwatch.thread.energy', { 'thread.name': 'main' }, 25);
  tally.gauge('gridwatch.energy.uncertainty', {}, 2.4);
  expect(tally.told).toEqual({ activeUj: 25, idleUj: 3, source: 'model:family', boundary: 'wall', uncertainty: 2.4 });
});
