/**
 * `gridwatch doctor`: what Gridwatch can see on this machine, what it cannot, and how to change that. It runs in a process
 * of its own and changes nothing; over the network it asks only the endpoint that the variables name. It prints no secret:
 * headers, passwords and values it does not understand for what they are stay where they are.
 */
import { resolveConfig } from '../config/resolve.ts';
import { checkBeside } from './doctor/beside.ts';
import { checkBudget } from './doctor/budget.ts';
import { checkConfiguration } from './doctor/configuration.ts';
import { checkControlFile } from './doctor/control.ts';
import { checkEndpoint } from './doctor/endpoint.ts';
import { checkEnergy } from './doctor/energy.ts';
import { checkInstallation } from './doctor/installation.ts';
import { checkInventory, type InventoryAttributes, readInventory } from './doctor/inventory.ts';
import { checkLocks } from './doctor/locks.ts';
import { checkMachine } from './doctor/machine.ts';
import { checkOtelVariables } from './doctor/otel-variables.ts';
import { checkQueues } from './doctor/queues.ts';
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

/** What `--json` prints. */
interface Report {
  readonly version: string;
  readonly problems: number;
  readonly checks: readonly (Check & { readonly section: string })[];
  readonly inventory: InventoryAttributes;
}

const USAGE = `gridwatch doctor [--json]

  Says what Gridwatch can see on this machine, what it cannot, and how to change that: under the same user, in the same
  container and folder, and with the same variables as the program. --json says it to a program.
  Exit codes: 0 nothing has to be repaired; 1 something has to be; 2 it was asked for something it does not know.
`;

const LABELS = { ok: 'ok', note: 'note', problem: 'PROBLEM' } as const;
const LABEL_COLUMNS = 9;
const MAX_TEXT_CHARS = 1000;

/** Looks at everything and says what it found. Returns the exit code. */
export async function doctor(args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const unknown = args.find((arg) => arg !== '--json');
  if (unknown === '--help' || unknown === '-h') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (unknown !== undefined) {
    process.stderr.write(`gridwatch doctor: there is no option "${printable(unknown, MAX_TEXT_CHARS)}".\n\n${USAGE}`);
    return 2;
  }
  const report = await examine(env);
  process.stdout.write(args.length > 0 ? `${JSON.stringify(report, undefined, 2)}\n` : render(report));
  return report.problems === 0 ? 0 : 1;
}

async function examine(env: NodeJS.ProcessEnv): Promise<Report> {
  const { config } = resolveConfig(env);
  const [inventory, endpoint] = await Promise.all([readInventory(), checkEndpoint(env)]);
  const sections: Readonly<Record<string, readonly Check[]>> = {
    machine: [...checkMachine(), ...checkInventory(inventory, config)],
    energy: checkEnergy(config),
    installation: checkInstallation(),
    program: [...checkBeside(env), ...checkLocks(config.features), ...checkQueues(config.features)],
    settings: [
      ...checkConfiguration(env),
      ...checkOtelVariables(env),
      ...checkControlFile(config),
      ...checkBudget(config),
    ],
    endpoint,
  };
  const checks = Object.entries(sections).flatMap(([section, found]) => found.map((check) => ({ section, ...check })));
  const problems = checks.filter(({ level }) => level === 'problem').length;
  return { version: packageVersion(), problems, checks, inventory: inventory ?? {} };
}

function render({ version, problems, checks }: Report): string {
  const columns = Math.max(40, process.stdout.columns || 100);
  const lines = [`gridwatch ${version}`];
  let last = '';
  for (const check of checks) {
    if (check.section !== last) lines.push('', `${check.section}:`);
    last = check.section;
    lines.push(...renderCheck(check, columns));
  }
  const verdict = problems === 0 ? 'Nothing has to be repaired.' : `To be repaired: ${problems}.`;
  return `${lines.join('\n')}\n\n${verdict}\n`;
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
