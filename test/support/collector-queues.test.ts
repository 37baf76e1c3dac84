/** What a Collector may keep on disk: files of two exporters and three pipelines, laid over one another. */
import { expect, it } from 'vitest';
import { bytesOfQueues, exportersOf } from './collector-queues.ts';

const BASE = `
exporters:
  one: {sending_queue: {storage: file_storage, queue_size: 100}}
  two: {sending_queue: {queue_size: 7}}
service:
  pipelines:
    traces: {exporters: [one, connector]}
    metrics: {exporters: [two]}
`;
const OVERLAY = `
exporters:
  two: {sending_queue: {storage: file_storage}}
service:
  pipelines:
    traces/more: {exporters: [one]}
    metrics: {exporters: [one, two]}
`;

it('counts a queue on disk for each signal, and none that is in memory', () => {
  expect(bytesOfQueues([BASE])).toBe(100);
});

it('knows the exporters of all pipelines', () => {
  expect(exportersOf([BASE, OVERLAY])).toEqual(new Set(['one', 'connector', 'two']));
});

it('takes maps of both files together, and lists of the last', () => {
  expect(bytesOfQueues([BASE, OVERLAY])).toBe(100 + 100 + 7);
  expect(bytesOfQueues([BASE, 'service: {pipelines: {traces: {exporters: [two]}}}'])).toBe(0);
});
