/**
 * What the reader is left with when the program has ended: at most five findings, worst first, or that there are none. Runs
 * in the process of `gridwatch run --ui`. It must say when too little was seen to judge; it must not fill up five places.
 */
import { type Look, type Piece, paint } from '../paint.ts';
import { wrap } from '../printable.ts';
import { counted, formatMs, formatShare } from '../quantities.ts';
import { busiestMain, processSuffix, shareOf } from '../summary.ts';
import { durationMsOf, siteText } from '../window/span-log.ts';
import { tooFewCpus } from './cpu.ts';
import { garbageBeside, gcPauses } from './garbage-collection.ts';
import { detectorFindings } from './lock-findings.ts';
import { abandonedLocks, brokenRounds, deadlocks, lockOrders, lostItems } from './lock-mistakes.ts';
import { lockWaits } from './locks.ts';
import { blockingRequests, busyMainThread, lateMainThread } from './main-thread.ts';
import { fullPools, growingQueues, lateMessages, refusedItems, serialising } from './queues.ts';
import { type AnyRule, type Evidence, type Finding, SEVERITIES, stretchS, toAnyRule } from './rule.ts';
import { blindSpots, notShipped, telemetryLost } from './telemetry.ts';
import { failedWorkers, poolOneSided, poolTooLarge, poolTooSmall, slowWorkerStart, workerChurn } from './workers.ts';

const MAX_FINDINGS = 5;

/** Shorter runs are mostly start-up. */
const MIN_STRETCH_S = 5;

/** In less there is nothing but start-up. */
const MIN_JUDGED_S = 1;

const RULES: readonly AnyRule[] = [
  toAnyRule(deadlocks),
  toAnyRule(lockOrders),
  toAnyRule(abandonedLocks),
  toAnyRule(lostItems),
  toAnyRule(brokenRounds),
  toAnyRule(detectorFindings),
  toAnyRule(failedWorkers),
  toAnyRule(gcPauses),
  toAnyRule(garbageBeside),
  toAnyRule(busyMainThread),
  toAnyRule(blockingRequests),
  toAnyRule(lateMainThread),
  toAnyRule(lockWaits),
  toAnyRule(fullPools),
  toAnyRule(growingQueues),
  toAnyRule(refusedItems),
  toAnyRule(lateMessages),
  toAnyRule(serialising),
  toAnyRule(tooFewCpus),
  toAnyRule(slowWorkerStart),
  toAnyRule(workerChurn),
  toAnyRule(poolOneSided),
  toAnyRule(poolTooLarge),
  toAnyRule(poolTooSmall),
  toAnyRule(telemetryLost),
  toAnyRule(notShipped),
  toAnyRule(blindSpots),
];

/** All that the rules found, worst first. */
export function findingsOf(evidence: Evidence): Finding[] {
  const rankOf = ({ severity }: Finding): number => SEVERITIES.indexOf(severity);
  return RULES.flatMap((rule) => rule(evidence)).toSorted((a, b) => rankOf(a) - rankOf(b) || b.costS - a.costS);
}

/** The report as lines for a terminal. */
export function renderReport(evidence: Evidence, look: Look): string[] {
  if (!evidence.summary.hasAgentData) return [...nothingSeen(evidence, look)];
  const findings = findingsOf(evidence);
  const shown = findings.slice(0, MAX_FINDINGS);
  const observed = `${formatMs(stretchS(evidence) * 1000)} observed`;
  const lines: string[] = [];
  const add = (lead: string, text: string, style?: 'bold' | 'dim'): void => {
    for (const [at, line] of wrap(text, Math.max(20, look.columns - lead.length)).entries()) {
      const piece: Piece = style === undefined ? line : [style, line];
      lines.push(paint([at === 0 ? lead : ' '.repeat(lead.length), piece], look));
    }
  };
  if (shown.length === 0 && stretchS(evidence) < MIN_JUDGED_S) {
    add('', `gridwatch: the program ended after ${formatMs(stretchS(evidence) * 1000)}: too soon to say anything.`);
    return lines;
  }
  if (shown.length === 0) {
    add('', `gridwatch: nothing stands out (${observed}).`, 'bold');
    for (const fact of vitalSigns(evidence)) add('  ', fact);
  } else {
    add('', `gridwatch: ${counted(shown.length, 'finding')}, worst first (${observed}).`, 'bold');
    for (const [at, finding] of shown.entries()) {
      lines.push('');
      add(`${at + 1}. `, finding.title, 'bold');
      for (const fact of finding.facts) add('   ', fact);
      if (finding.site !== undefined) add('   ', `at ${siteText(finding.site)}`);
      add('   -> ', finding.advice);
    }
    const hiddenCount = findings.length - shown.length;
    if (hiddenCount > 0) {
      lines.push('');
      add('', `${counted(hiddenCount, 'lesser finding')} not shown.`, 'dim');
    }
  }
  if (stretchS(evidence) < MIN_STRETCH_S) {
    lines.push('');
    add('', 'The run was short: much of what was measured is start-up. Run it longer, under load.', 'dim');
  }
  return lines;
}

function nothingSeen(evidence: Evidence, look: Look): string[] {
  return wrap(
    `gridwatch: no telemetry of the agent arrived in ${formatMs(stretchS(evidence) * 1000)}, so there is nothing to report. ` +
      'If the program ran for more than a second, gridwatch doctor says what is wrong.',
    look.columns,
  ).map((line) => paint([line], look));
}

/** What was looked at when nothing was found, so that "nothing" can be believed. */
function vitalSigns({ summary }: Evidence): string[] {
  const main = busiestMain(summary);
  const requests = summary.spanGroups.flatMap(({ slowest }) => slowest).filter(({ isRequest }) => isRequest);
  const slowest = requests.toSorted((a, b) => durationMsOf(b) - durationMsOf(a))[0];
  const workerCount = summary.threads.filter(({ role }) => role === 'worker').length;
  const threads = `${counted(workerCount, 'worker')}; the program used ${summary.usedCores.toFixed(1)} of ${summary.usableCores} CPUs.`;
  if (main === undefined) return [threads];
  return [
    `The main thread${processSuffix(main, summary)} computed ${formatShare(shareOf(main, 'running'))} of the time, ` +
      `${formatShare(main.gc.sumS / main.livedS)} of it was garbage collection. ${threads}`,
    ...(slowest === undefined
      ? []
      : [`The slowest request, ${slowest.name}, took ${formatMs(durationMsOf(slowest))}.`]),
  ];
}
