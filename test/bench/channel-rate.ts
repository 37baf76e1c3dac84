/**
 * Items a second from threads to threads: a `Channel` against a ring in shared memory under a `Mutex`, and against postMessage, for 1, 2, 4 and 8 producers
 * and as many consumers. Each run is a process of its own (`subjects/channel-rate.ts`), the ways alternate, medians are compared.
 */
import { median, type Row } from './table.ts';
import { runJson } from './variants.ts';

const ROUNDS = 5;
const WAYS = ['channel', 'mutex', 'postMessage'] as const;
const PAIRS = [1, 2, 4, 8] as const;
const PAYLOADS = [
  { payload: 'number', what: 'a number', items: 1_600_000 },
  { payload: 'bytes', what: '100 bytes', items: 800_000 },
] as const;

export async function channelRate(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { payload, what, items } of PAYLOADS) {
    for (const pairs of PAIRS) {
      const rates = { channel: [] as number[], mutex: [] as number[], postMessage: [] as number[] };
      for (let round = 0; round < ROUNDS; round++) {
        for (let turn = 0; turn < WAYS.length; turn++) {
          const way = WAYS[(turn + round) % WAYS.length] as (typeof WAYS)[number];
          const { itemsPerS } = runJson('channel-rate.ts', [way, String(pairs), payload, String(items)]);
          rates[way].push(itemsPerS ?? Number.NaN);
        }
      }
      const channel = median(rates.channel);
      const mutex = median(rates.mutex);
      const messages = median(rates.postMessage);
      rows.push({
        what: `Channel, ${what}, ${pairs} producer${pairs === 1 ? '' : 's'} and consumer${pairs === 1 ? '' : 's'}`,
        detail: `${thousands(channel)}/s; mutex and array ${thousands(mutex)}/s, postMessage ${thousands(messages)}/s`,
        figure: `${(channel / mutex).toFixed(2)} and ${(channel / messages).toFixed(2)} times as many`,
        bar: '> 1 and > 1',
        isMet: channel > mutex && channel > messages,
      });
    }
  }
  return rows;
}

function thousands(rate: number): string {
  return `${Math.round(rate / 1000)} 000`;
}
