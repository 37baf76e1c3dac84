/** The programs of `examples/incidents/` against the alerts, their runbooks, and the table that lists them. Reads files; `test/e2e/incidents.test.ts` runs them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shippedAlerts } from '../../support/alert-rules.ts';

const root = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');

/** What no program causes by itself; the README and the runbooks say why. */
const WITHOUT_PROGRAM: readonly string[] = [
  'GridwatchCollectorDown',
  'GridwatchCollectorLosing',
  'GridwatchCollectorQueueFilling',
  'GridwatchCollectorRefusing',
];

/** The name of an alert as that of a folder. */
const folderOf = (alert: string): string =>
  alert
    .replace(/^Gridwatch/, '')
    .replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`)
    .toLowerCase();

const alerts = shippedAlerts();
const caused = alerts.filter(({ alert }) => !WITHOUT_PROGRAM.includes(alert));

it('there is one for each alert that a program can cause, and for no other', () => {
  const entries = readdirSync(new URL('examples/incidents/', root), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(new Set(folders)).toEqual(new Set(caused.map(({ alert }) => folderOf(alert))));
});

function sectionOf(alert: string, file: string): string {
  const runbook = read(`collector-config/runbooks/${file}.md`);
  return new RegExp(`\n## ${alert}\n([^]*?)(?=\n## |$)`).exec(runbook)?.[1] ?? '';
}

it.each(WITHOUT_PROGRAM)('%s has none, and its runbook and the examples say why', (alert) => {
  const file = alerts.find((each) => each.alert === alert)?.file ?? expect.unreachable(alert);
  expect(sectionOf(alert, file)).toMatch(/\nTry it: \S/);
  expect(read('examples/README.md')).toContain(`\`${alert}\``);
});

describe.each(caused.map(({ alert, file }) => [alert, file] as const))('%s', (alert, file) => {
  const name = folderOf(alert);
  const folder = `examples/incidents/${name}`;
  const twins = ['broken', 'fixed'].map((twin) => read(`${folder}/${twin}.js`));

  it('has a program and its twin, small enough to be read, which say what they are', () => {
    const [broken = '', fixed = ''] = twins;
    expect(broken).toMatch(new RegExp(`^/\\*\\*\n \\* ${alert}: `));
    expect(broken).toContain('`fixed.js`');
    expect(broken).toContain('A mistake to find: ');
    expect(fixed).toMatch(/^\/\*\*\n \* The twin of `broken\.js`/);
    expect(fixed).not.toContain('mistake');
    for (const text of twins) expect(text.split('\n').length).toBeLessThanOrEqual(80);
  });

  it('has a name where nobody gives it one: an SDK of its own would call it unknown_service, and the agent what the SDK does', () => {
    for (const text of twins) expect(text).not.toMatch(/new NodeSDK\((?!\{ serviceName: )/);
  });

  it('is named by its runbook and in the table', () => {
    expect(sectionOf(alert, file)).toContain(`incidents/${name}/broken`);
    const anchor = `../collector-config/runbooks/${file}.md#${alert.toLowerCase()}`;
    expect(read('examples/README.md')).toContain(`| \`${name}\` | [${alert}](${anchor}) |`);
    expect(existsSync(new URL(`collector-config/runbooks/${file}.md`, root))).toBe(true);
  });
});
