/** The rule about locks that workers wait for. */
import { describe, expect, it } from 'vitest';
import { thread } from '../summaries.ts';
import { evidence, onlyFinding, titles } from './evidence.ts';

describe('locks', () => {
  const threads = [
    thread('main', { running: 6, idle: 54 }),
    thread('worker-1', { running: 10, waiting_lock: 4, parked: 46 }),
    thread('worker-2', { running: 10, waiting_lock: 6, parked: 44 }),
  ];

  it('that workers wait for are a finding, with the place', () => {
    const finding = onlyFinding(evidence({ threads }, { lockSites: ['shop/lock.js:15'] }));
    expect(finding.title).toBe('Threads waited for a lock for 10 s, 33 % of the time in which they had work.');
    expect(finding.facts).toEqual(['worker-2 waited longest, 6 s.']);
    expect(finding.site).toEqual({ file: 'shop/lock.js', line: 15 });
  });

  it('are named as they were configured, where there are several, with what the workers compute most for', () => {
    const workers = [{ route: 'POST /orders', count: 900, eachMs: 13, sumS: 11.7, explained: 0.9 }];
    const lockSites = ['lock.js:*', 'other.js:3'];
    const finding = onlyFinding(evidence({ threads }, { lockSites, costs: { main: [], workers } }));
    expect(finding.facts.slice(1)).toEqual([
      'The workers computed most for POST /orders (about 13 ms each); that is an estimate.',
      'The locks are those of GRIDWATCH_ATOMICS_SITES: lock.js:*, other.js:3.',
    ]);
    expect(finding.site).toBeUndefined();
    const one = onlyFinding(evidence({ threads }, { lockSites: ['lock.js:*'] }));
    expect(one.site).toEqual({ file: 'lock.js:*', line: undefined });
  });

  it('that are known by name: which, for whom it was waited, and where that one took it', () => {
    const locks = [
      {
        name: 'orders',
        waitS: 9,
        worst: { threadName: 'worker-1', site: { file: 'shop/pay.js', line: 7 }, causedS: 8 },
      },
      { name: 'cache', waitS: 1, worst: undefined },
      { name: 'rest', waitS: 0.5, worst: undefined },
    ];
    const finding = onlyFinding(evidence({ threads, locks }));
    expect(finding.facts).toEqual([
      'worker-2 waited longest, 6 s.',
      'Threads waited 9 s for "orders", most of it (8 s) for worker-1, which took it at shop/pay.js:7.',
      'Threads waited 1 s for "cache".',
    ]);
    expect(finding.site).toEqual({ file: 'shop/pay.js', line: 7 });
    const unnamed = [{ name: 'orders', waitS: 9, worst: undefined }];
    for (const lockSites of [['lock.js:1'], ['lock.js:1', 'other.js:3']]) {
      const { facts, site } = onlyFinding(evidence({ threads, locks: unnamed }, { lockSites }));
      expect([facts.at(-1), site]).toEqual(['Threads waited 9 s for "orders".', undefined]);
    }
  });

  it('that are hardly waited for are none', () => {
    const quiet = [thread('main', { idle: 60 }), thread('worker-1', { running: 30, waiting_lock: 0.6, parked: 29 })];
    expect(titles(evidence({ threads: quiet }))).toEqual([]);
  });
});
