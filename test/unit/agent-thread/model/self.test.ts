/** What the agent says of itself: what it lost, by kind, and what it leaves out. */
import { describe, expect, test } from 'vitest';
import { AgentSelf, DisabledFeatures, DropCounts } from '../../../../agent/agent-thread/model/self.ts';
import type { LogRecord } from '../../../../agent/agent-thread/telemetry/logs.ts';
import { Clock } from '../../../../agent/shared-memory/clock.ts';
import { HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../../../agent/shared-memory/layout.ts';
import { collectFrom, only } from '../../../support/recording-sink.ts';
import { FakeDiag } from '../telemetry/fake-diag.ts';

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

describe('what is left out', () => {
  const NOW_NS = 5e9;
  const incident = (feature: string, reason: string, body: string): object => ({
    eventName: 'gridwatch.agent.degraded',
    timeNs: NOW_NS,
    body,
    attributes: { 'gridwatch.feature': feature, 'gridwatch.reason': reason },
    key: feature,
  });

  test('is told as an incident as soon as there is somebody to tell it by, what was off before included', () => {
    const diag = new FakeDiag();
    const disabled = new DisabledFeatures(diag, [{ feature: 'atomics', reason: 'failed' }]);
    disabled.add('pressure', 'no_permission', 'EACCES');
    const told: LogRecord[] = [];
    disabled.tellBy(
      (record) => told.push(record),
      () => NOW_NS,
    );
    disabled.add('context', 'several_api_versions', 'there are two');
    disabled.add('context', 'several_api_versions', 'there are two');
    expect(told).toEqual([
      incident('atomics', 'failed', 'atomics is not observed'),
      incident('pressure', 'no_permission', 'pressure is not observed: EACCES'),
      incident('context', 'several_api_versions', 'context is not observed: there are two'),
    ]);
    expect(diag.lines).toHaveLength(2);
  });

  test('by choice, or by the kind of machine, is no incident', () => {
    const told: LogRecord[] = [];
    const disabled = new DisabledFeatures(new FakeDiag(), []);
    disabled.tellBy(
      (record) => told.push(record),
      () => NOW_NS,
    );
    disabled.add('cpu.frequency', 'unsupported_platform', 'no clocks');
    disabled.note('v8js.gc.duration', 'configured');
    disabled.show('configured', ['energy']);
    expect(told).toEqual([]);
  });

  test('of ports is told once for each queue, and of no more than a hundred', () => {
    const told: LogRecord[] = [];
    const disabled = new DisabledFeatures(new FakeDiag(), []);
    disabled.tellBy(
      (record) => told.push(record),
      () => NOW_NS,
    );
    for (let at = 0; at < 300; at++) disabled.lostPort(`queue ${at % 150}`);
    expect(told).toHaveLength(100);
    expect(new Set(told.map(({ key }) => key)).size).toBe(100);
    /* Others of the same name still are. */
    expect(told[0]?.body).toBe('a port of queue queue 0 was lost from sight: its messages are not observed');
    expect(told[0]?.attributes).toEqual({
      'gridwatch.feature': 'messages.ports',
      'gridwatch.reason': 'ledger_poisoned',
      'gridwatch.queue.name': 'queue 0',
    });
  });
});
