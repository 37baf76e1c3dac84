/** Lines about endpoints that cannot be reached: few, and true. */
import { expect, test } from 'vitest';
import { Outages } from '../../../../agent/agent-thread/telemetry/outages.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeDiag } from './fake-diag.ts';

const ENDPOINT = 'http://collector:4318';

function setUp() {
  const clock = new FakeClock();
  const diag = new FakeDiag();
  return { clock, diag, outages: new Outages(diag, () => clock.nowMs()) };
}

test('all signals of an endpoint are one outage', () => {
  const { outages, diag, clock } = setUp();
  for (const signal of ['traces', 'metrics', 'logs'] as const) outages.failed(ENDPOINT, signal, 'refused');
  clock.passS(35);
  for (const signal of ['traces', 'metrics', 'logs'] as const) outages.delivered(ENDPOINT, signal);
  expect(diag.lines).toEqual([
    `warn cannot deliver traces to ${ENDPOINT}: refused`,
    `info ${ENDPOINT} takes what it is sent again, after 35 s`,
  ]);
});

test('an endpoint that comes and goes is heard of once a minute', () => {
  const { outages, diag, clock } = setUp();
  for (let i = 0; i < 30; i++) {
    outages.failed(ENDPOINT, 'traces', 'refused');
    clock.passS(2);
    outages.delivered(ENDPOINT, 'traces');
    clock.passS(2);
  }
  expect(diag.lines).toHaveLength(4);
});

test('endpoints are told apart', () => {
  const { outages, diag } = setUp();
  outages.failed(ENDPOINT, 'traces', 'refused');
  outages.failed('http://other:4318', 'traces', 'refused');
  expect(diag.lines).toHaveLength(2);
});

test('what was never out is not said to be back', () => {
  const { outages, diag } = setUp();
  outages.delivered(ENDPOINT, 'traces');
  expect(diag.lines).toEqual([]);
});
