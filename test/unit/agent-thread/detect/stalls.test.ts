/** Stalls: told once, only of a thread that is on the CPU, and only past ten seconds. */
import { beforeEach, describe, expect, test } from 'vitest';
import { INCIDENT_STALL_NS, type StallSubject, Stalls } from '../../../../agent/agent-thread/detect/stalls.ts';

const S = 1e9;

interface Subject extends StallSubject {
  readonly entry: { cpuNs: number };
  lateSinceNs: number | undefined;
}

let stalls: Stalls<Subject>;
let told: { sinceNs: number; cpuNs: number; atNs: number }[];
let subject: Subject;

beforeEach(() => {
  told = [];
  stalls = new Stalls({
    minStallNs: INCIDENT_STALL_NS,
    onStall: ({ sinceNs, cpuNs }, atNs) => told.push({ sinceNs, cpuNs, atNs }),
  });
  subject = { entry: { cpuNs: 0 }, lateSinceNs: undefined, loop: { lateSinceNs: () => subject.lateSinceNs } };
});

/** Looks ten times a second, while the thread uses that share of a CPU. */
function pass(fromS: number, toS: number, cpuShare: number): void {
  for (let atNs = fromS * S; atNs < toS * S; atNs += 0.1 * S) {
    subject.entry.cpuNs += 0.1 * S * cpuShare;
    stalls.look([subject], atNs);
  }
}

describe('Stalls', () => {
  test('a turn that goes on is told of once, after ten seconds', () => {
    subject.lateSinceNs = 5 * S;
    pass(5, 60, 1);
    expect(told).toHaveLength(1);
    expect(told[0]?.sinceNs).toBe(5 * S);
    expect((told[0]?.atNs ?? 0) / S).toBeGreaterThanOrEqual(15);
    expect((told[0]?.atNs ?? 0) / S).toBeLessThan(16.5);
    expect((told[0]?.cpuNs ?? 0) / S).toBeGreaterThan(8);
  });

  test('the next one is another', () => {
    subject.lateSinceNs = 5 * S;
    pass(5, 20, 1);
    subject.lateSinceNs = undefined;
    pass(20, 22, 0);
    subject.lateSinceNs = 22 * S;
    pass(22, 40, 1);
    expect(told.map(({ sinceNs }) => sinceNs / S)).toEqual([5, 22]);
  });

  test('a shorter one is not', () => {
    subject.lateSinceNs = 5 * S;
    pass(5, 14, 1);
    subject.lateSinceNs = undefined;
    pass(14, 60, 0);
    expect(told).toEqual([]);
  });

  test('nor is one that does not use the CPU: it waits, or the kernel lets it stand', () => {
    subject.lateSinceNs = 5 * S;
    pass(5, 60, 0.3);
    expect(told).toEqual([]);
  });

  test('nor a loop that turns', () => {
    for (let s = 0; s < 60; s++) {
      subject.lateSinceNs = s * S;
      pass(s, s + 1, 1);
    }
    expect(told).toEqual([]);
  });
});
