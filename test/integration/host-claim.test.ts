/** Several processes, one claim: it is never with two, and never with none for long. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { HostClaim } from '../../agent/agent-thread/host/host-claim.ts';
import { eventually } from '../support/eventually.ts';

const HOLDER = fileURLToPath(new URL('../fixtures/host/claim.ts', import.meta.url));
const RETRY_NS = 5e9;

let holder: ChildProcess | undefined;
let claim: HostClaim | undefined;

afterEach(() => {
  holder?.kill('SIGKILL');
  claim?.release();
});

describe.skipIf(process.platform !== 'linux')('the claim of the host', () => {
  it('passes to another process when its holder is killed', async () => {
    const name = `gridwatch-claim-test-${process.pid}`;
    holder = fork(HOLDER, [name], { execArgv: [] });
    expect(await once(holder, 'message')).toEqual(['held', undefined]);

    const unavailable: string[] = [];
    const onUnavailable = (feature: string): void => void unavailable.push(feature);
    claim = new HostClaim({ mode: 'auto', isConfined: () => false, onUnavailable, path: `\0${name}` });
    let nowNs = 0;
    claim.tryTake(nowNs);
    const exit = once(holder, 'exit');
    expect(claim.isHeld).toBe(false);
    holder.kill('SIGKILL');
    await exit;

    await eventually('this process to hold it', () => {
      nowNs += RETRY_NS;
      claim?.tryTake(nowNs);
      return claim?.isHeld;
    });
    expect(unavailable).toEqual([]);
  });

  it('does not keep the process alive that holds it', async () => {
    holder = fork(HOLDER, [`gridwatch-claim-test-${process.pid}-end`], { execArgv: [] });
    await once(holder, 'message');
    const exit = once(holder, 'exit');
    holder.disconnect();
    expect(await exit).toEqual([0, null]);
  });
});
