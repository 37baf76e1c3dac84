/** The claim of the host, with real sockets in one process. */
import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HostClaim } from '../../../../agent/agent-thread/host/host-claim.ts';
import { eventually } from '../../../support/eventually.ts';
import { unavailableLog } from './proc-fixtures.ts';

const path = `\0gridwatch-test-${process.pid}`;
const S = 1e9;

describe.skipIf(process.platform !== 'linux')('HostClaim', () => {
  const claims: HostClaim[] = [];
  const claimOf = (mode: 'auto' | 'on' | 'off' = 'auto', isConfined = () => false, at = path) => {
    const { log, onUnavailable } = unavailableLog();
    const claim = new HostClaim({ mode, isConfined, onUnavailable, path: at });
    claims.push(claim);
    return { claim, log };
  };

  afterEach(() => {
    for (const claim of claims.splice(0)) claim.release();
  });

  it('is held by one at a time, and taken over when that one is gone', async () => {
    const first = claimOf();
    const second = claimOf();
    first.claim.tryTake(0);
    await eventually('the first to hold it', () => first.claim.isHeld);
    let nowNs = 0;
    second.claim.tryTake(nowNs);
    first.claim.release();
    await eventually('the second to hold it', () => {
      second.claim.tryTake((nowNs += 5 * S));
      return second.claim.isHeld;
    });
    expect(first.claim.isHeld).toBe(false);
    expect([first.log, second.log]).toEqual([[], []]);
  });

  it('does not let a second one have it', async () => {
    const { claim } = claimOf();
    claim.tryTake(0);
    await eventually('the first to hold it', () => claim.isHeld);
    const refused = claimOf();
    const third = claimOf('auto', () => false, `${path}-marker`);
    refused.claim.tryTake(0);
    third.claim.tryTake(0);
    await eventually('a later one, elsewhere, to be through', () => third.claim.isHeld);
    expect(refused.claim.isHeld).toBe(false);
  });

  it('accepts nothing', async () => {
    const { claim } = claimOf();
    claim.tryTake(0);
    await eventually('it to be held', () => claim.isHeld);
    const socket = createConnection({ path });
    const received = await socket.toArray().catch(() => []);
    expect(received).toEqual([]);
  });

  it('is not asked for by a process that is confined to less than the CPUs it sees', () => {
    const { claim } = claimOf('auto', () => true);
    claim.tryTake(0);
    expect(claim.isHeld).toBe(false);
  });

  it('needs no socket when the user says on, and is never held when he says off', () => {
    expect(claimOf('on', () => true).claim.isHeld).toBe(true);
    const off = claimOf('off').claim;
    off.tryTake(0);
    expect(off.isHeld).toBe(false);
  });

  it('gives up, and says so once, where it may not listen', async () => {
    const { claim, log } = claimOf('auto', () => false, '/nowhere/at/all/socket');
    for (let i = 0; i < 3; i++) {
      claim.tryTake(i * 10 * S);
      await eventually('the refusal', () => log.length === 1);
    }
    expect(claim.isHeld).toBe(false);
    expect(log).toEqual(['cpu no_permission']);
  });
});
