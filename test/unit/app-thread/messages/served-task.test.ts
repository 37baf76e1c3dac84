/** A task that is brought by a message: what its worker has used is told when the answer is posted. Runs in the test's process, with Node's own ports. */
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContextScopes } from '../../../../agent/app-thread/context/context-scope.ts';
import { findMessageLink } from '../../../../agent/app-thread/message-link.ts';
import { followMessages } from '../../../../agent/app-thread/messages/thread-messages.ts';
import { Recorder } from '../../../../agent/app-thread/recorder.ts';
import { activeTraceIds } from '../../../../agent/app-thread/trace-context.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import { MessageMemory } from '../../../../agent/shared-memory/message-memory.ts';
import { decodeTaskCpu } from '../../../../agent/shared-memory/queue-records.ts';
import { RecordKind } from '../../../../agent/shared-memory/records.ts';
import { claimSlot } from '../../../../agent/shared-memory/registry.ts';
import { RingReader } from '../../../../agent/shared-memory/ring-reader.ts';
import { contextWith, ids, register, unregister } from '../fake-api.ts';

const control = ControlMemory.create(0);
const memory = MessageMemory.create();
let active: ReturnType<typeof ids> | undefined;
let canActivate: boolean;
let ring: RingReader;
let stop: () => void = () => {};

const scopes: ContextScopes = {
  get canActivate() {
    return canActivate;
  },
  isClear: false,
  run: (_, fn) => fn(),
  active: activeTraceIds,
};

beforeEach(() => {
  active = undefined;
  canActivate = true;
  register({ context: { active: () => contextWith(active) } });
  const spawn = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  const claim = claimSlot(control, spawn);
  if (claim === undefined) throw new Error('no slot');
  ring = new RingReader(control, claim.slot);
  ({ stop } = followMessages({ recorder: new Recorder(control, claim), memory, scopes, ports: undefined }));
});

afterEach(() => {
  stop();
  unregister();
});

function withSpan<T>(span: ReturnType<typeof ids>, fn: () => T): T {
  active = span;
  try {
    return fn();
  } finally {
    active = undefined;
  }
}

/** Some milliseconds of this thread's own time. */
function useCpu(): void {
  const usedUs = (): number => {
    process.cpuUsage();
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  const endsUs = usedUs() + 3000;
  while (usedUs() < endsUs);
}

/** The ids of the tasks whose CPU time was told since the last call. */
function usedTasks(): string[] {
  const found: string[] = [];
  ring.drain(
    (record) => record.kind === RecordKind.TASK_CPU && found.push(decodeTaskCpu(record)?.spanId ?? ''),
    () => 1e18,
  );
  return found;
}

test('is told of at the post of its answer, and at no other', async () => {
  const { port1, port2 } = new MessageChannel();
  const task = ids();
  findMessageLink()?.postAs(task, () => port1.postMessage('task'));
  await once(port2, 'message');
  useCpu();
  port2.postMessage('of nothing');
  withSpan(ids(), () => port2.postMessage('of something else'));
  expect(usedTasks()).toEqual([]);
  withSpan(task, () => port2.postMessage('answer'));
  expect(usedTasks()).toEqual([task.spanId]);
  port1.close();
});

test('is told of only if it was a task', async () => {
  const { port1, port2 } = new MessageChannel();
  const span = ids();
  withSpan(span, () => port1.postMessage('no task'));
  await once(port2, 'message');
  useCpu();
  withSpan(span, () => port2.postMessage('answer'));
  expect(usedTasks()).toEqual([]);
  port1.close();
});

test('is not told of where nobody knows what is posted for it', async () => {
  canActivate = false;
  const { port1, port2 } = new MessageChannel();
  const task = ids();
  findMessageLink()?.postAs(task, () => port1.postMessage('task'));
  await once(port2, 'message');
  useCpu();
  withSpan(task, () => port2.postMessage('answer'));
  expect(usedTasks()).toEqual([]);
  port1.close();
});
