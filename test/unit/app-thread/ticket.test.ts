/** The spawn ticket: taken once, and then gone from the environment data that the program sees. */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { createTicket, TICKET_KEY, takeTicket } from '../../../agent/app-thread/ticket.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';

const fields = {
  buffer: new SharedArrayBuffer(8),
  claim: { slot: 3, generation: 7 },
  config: resolveConfig({}, {}).config,
  livenessPort: undefined,
  addedExecArgv: ['--require', '/opt/gridwatch/register.cjs'],
};

afterEach(() => {
  setEnvironmentData(TICKET_KEY, undefined);
});

test('a ticket is taken as it was made, once, and leaves no trace', () => {
  setEnvironmentData(TICKET_KEY, createTicket(fields));
  expect(takeTicket()).toMatchObject(fields);
  expect(getEnvironmentData(TICKET_KEY)).toBeUndefined();
  expect(takeTicket()).toBeUndefined();
});

test('a ticket of another version is none, and leaves no trace either', () => {
  setEnvironmentData(TICKET_KEY, { ...createTicket(fields), version: 999 });
  expect(takeTicket()).toBeUndefined();
  expect(getEnvironmentData(TICKET_KEY)).toBeUndefined();
});

test("the program's own environment data stays", () => {
  setEnvironmentData('own', 5);
  setEnvironmentData(TICKET_KEY, createTicket(fields));
  takeTicket();
  expect(getEnvironmentData('own')).toBe(5);
  setEnvironmentData('own', undefined);
});

test('a ticket can be sent to a worker', () => {
  const sent = structuredClone(createTicket(fields));
  expect(sent).toMatchObject({ claim: fields.claim, config: fields.config, addedExecArgv: fields.addedExecArgv });
});
