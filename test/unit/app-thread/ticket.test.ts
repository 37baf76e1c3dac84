/** The spawn ticket: read as it was made, and only in its own version. That it leaves no trace is shown in test/regression/. */
import { expect, test } from 'vitest';
import { createTicket, readTicket } from '../../../agent/app-thread/ticket.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';

const fields = {
  buffer: new SharedArrayBuffer(8),
  lockBuffer: new SharedArrayBuffer(16),
  messages: { buffer: new SharedArrayBuffer(24), ports: { ownPort: 3, ports: [] } },
  lab: { raceBuffer: undefined, perturbSeed: 5 },
  claim: { slot: 3, generation: 7 },
  config: resolveConfig({}, {}).config,
  livenessPort: undefined,
  addedExecArgv: ['--require', '/opt/gridwatch/register.cjs'],
};

test('a ticket is read as it was made', () => {
  expect(readTicket(createTicket(fields))).toMatchObject(fields);
});

test.each([undefined, null, 5, 'ticket', {}, { ...createTicket(fields), version: 999 }])('%j is none', (found) => {
  expect(readTicket(found)).toBeUndefined();
});

test('a ticket can be sent to a worker', () => {
  const sent = structuredClone(createTicket(fields));
  expect(sent).toMatchObject({ claim: fields.claim, config: fields.config, addedExecArgv: fields.addedExecArgv });
});
