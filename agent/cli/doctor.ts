/**
 * `gridwatch doctor`: what Gridwatch can see on this machine, what it cannot, and how to change that. It runs in a process
 * of its own and changes nothing; over the network it asks only the endpoint that the variables name.
 */
import { checkConfiguration } from './doctor/configuration.ts';
import { checkEndpoint } from './doctor/endpoint.ts';
import { checkInstallation } from './doctor/installation.ts';
import { checkMachine } from './doctor/machine.ts';
import { checkOtelVariables } from './doctor/otel-variables.ts';
import { packageVersion } from './path.ts';
import { printable, wrap } from './ui/printable.ts';

/** One thing that was looked at. */
export interface Check {
  /** `problem`: something is broken, and can be repaired. `note`: something is missing, and that may be all right. */
  readonly level: 'ok' | 'note' | 'problem';
  /** What was found, in one sentence. */
  readonly found: string;
  /** What to do about it; '' when nothing has to be done. */
  readonly remedy: string;
}

const LABELS = { ok: 'ok', note: 'note', problem: 'PROBLEM' } as const;
const LABEL_COLUMNS = 9;
const MAX_TEXT_CHARS = 1000;

/** Looks at everything and says what it found. Returns the exit code: 1 when something has to be repaired. */
export async function doctor(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const checks: Check[] = [
    ...checkMachine(),
    ...checkInstallation(),
    ...checkConfiguration(env),
    ...checkOtelVariables(env),
    ...(await checkEndpoint(env)),
  ];
  const columns = Math.max(40, process.stdout.columns || 100);
  const lines = checks.flatMap((check) => renderCheck(check, columns));
  const problemCount = checks.filter(({ level }) => level === 'problem').length;
  const verdict = problemCount === 0 ? 'Nothing has to be repaired.' : `To be repaired: ${problemCount}.`;
  process.stdout.write(`gridwatch ${packageVersion()}\n\n${lines.join('\n')}\n\n${verdict}\n`);
  return problemCount === 0 ? 0 : 1;
}

function renderCheck({ level, found, remedy }: Check, columns: number): string[] {
  const indent = ' '.repeat(LABEL_COLUMNS);
  const indented = (text: string, lead: string): string[] =>
    wrap(printable(text, MAX_TEXT_CHARS), columns - LABEL_COLUMNS - lead.length).map(
      (line, at) => `${indent}${at === 0 ? lead : ' '.repeat(lead.length)}${line}`,
    );
  const [first = '', ...rest] = indented(found, '');
  const head = LABELS[level].padEnd(LABEL_COLUMNS) + first.slice(LABEL_COLUMNS);
  return [head, ...rest, ...(remedy === '' ? [] : indented(remedy, '-> '))];
}
