/**
 * The rules about this report's own gaps: what was lost on the way, and what the agent could not see. They run in
 * the process of `gridwatch run --ui`.
 */
import { counted } from '../quantities.ts';
import type { Rule } from './rule.ts';

export interface Loss {
  readonly dropped: readonly { readonly kind: string; readonly count: number }[];
  readonly exportFailures: number;
  readonly refusedCount: number;
  readonly agentRestarts: number;
}

export const telemetryLost: Rule<Loss> = {
  check: ({ summary, refusedCount }) => {
    const { drops, exportFailures, agentRestarts } = summary;
    const isComplete = drops.length === 0 && exportFailures + refusedCount + agentRestarts === 0;
    return isComplete ? [] : [{ dropped: drops, exportFailures, refusedCount, agentRestarts }];
  },
  format: ({ dropped, exportFailures, refusedCount, agentRestarts }) => ({
    severity: 'blind',
    costS: dropped.reduce((sum, { count }) => sum + count, 0) + exportFailures + refusedCount,
    title: 'This report is incomplete: some telemetry was lost.',
    facts: [
      ...dropped.map(({ kind, count }) => `The agent dropped ${counted(count, 'record')} of the kind "${kind}".`),
      ...(exportFailures > 0 ? [`${counted(exportFailures, 'export')} of the agent failed.`] : []),
      ...(refusedCount > 0 ? [`${counted(refusedCount, 'request')} could not be read here.`] : []),
      ...(agentRestarts > 0 ? [`The agent thread ended and was started again ${counted(agentRestarts, 'time')}.`] : []),
    ],
    advice:
      'Counters are right all the same; single spans may be missing. If it happens again under less load, please report it.',
  }),
};

export const notShipped: Rule<{ readonly lostCount: number; readonly reason: string }> = {
  check: ({ forwarded }) => {
    const lostCount = forwarded === undefined ? 0 : forwarded.failed + forwarded.dropped;
    return lostCount === 0 ? [] : [{ lostCount, reason: forwarded?.lastFailure || 'it was too slow' }];
  },
  format: ({ lostCount, reason }) => ({
    severity: 'blind',
    costS: lostCount,
    title: `${counted(lostCount, 'request')} did not reach your OTLP endpoint.`,
    facts: [`The last reason: ${reason}.`],
    advice:
      'Check OTEL_EXPORTER_OTLP_ENDPOINT and its headers: gridwatch doctor asks the endpoint and says what it answers.',
  }),
};

/** What nobody chose and somebody can change. That a platform lacks something is no finding. */
const UNCHOSEN: ReadonlyMap<string, string> = new Map([
  ['no_permission', 'the process may not read it'],
  ['budget', 'the agent had reached its own limit of CPU or memory'],
  ['failed', 'it failed'],
]);

export interface BlindSpot {
  readonly feature: string;
  readonly reason: string;
}

export const blindSpots: Rule<readonly BlindSpot[]> = {
  check: ({ summary }) => {
    const unchosen = summary.disabledFeatures.filter(({ reason }) => UNCHOSEN.has(reason));
    return unchosen.length === 0 ? [] : [unchosen];
  },
  format: (spots) => ({
    severity: 'blind',
    costS: 0,
    title: `Not everything could be seen: ${spots.map(({ feature }) => feature).join(', ')}.`,
    facts: spots.map(({ feature, reason }) => `${feature}: ${UNCHOSEN.get(reason) ?? reason}.`),
    advice: 'gridwatch doctor says what would change that.',
  }),
};
