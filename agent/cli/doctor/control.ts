/**
 * The control file as it stands: whether it can be read, what is wrong with it, what it would change. Part of `gridwatch doctor`, in its process.
 */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { AS_STARTED, MAX_CONTROL_BYTES, readControl } from '../../config/control.ts';
import type { Config } from '../../config/options.ts';
import type { Check } from '../doctor.ts';

const EXAMPLE = '{ "off": false, "features": "-heap", "gcThresholdMs": 50 }';

export function checkControlFile(config: Config): Check[] {
  if (config.controlFile === undefined) return [];
  const path = resolve(config.controlFile);
  const file = `GRIDWATCH_CONTROL_FILE, ${path},`;
  let text: string | undefined;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      const found = `${file} is not there: the agent works as when the program started, and looks for it every ten seconds.`;
      return [{ level: 'note', found, remedy: `To change something, write into it, for example ${EXAMPLE}` }];
    }
    if (!stat.isFile()) return [problem(`${file} is not a file.`, 'Name a file of JSON.')];
    if (stat.size > MAX_CONTROL_BYTES)
      return [problem(`${file} is longer than ${MAX_CONTROL_BYTES} bytes, and is not read.`, 'Shorten it.')];
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return [problem(`${file} cannot be read (${code}).`, 'Let the user that runs the program read it.')];
  }
  const control = readControl(text, config);
  if (control === undefined) return [problem(`${file} is not a JSON object.`, `It should look like ${EXAMPLE}`)];
  const { isOff, inForce, problems } = control;
  return [
    ...problems.map((fault) => problem(`${file}: ${fault}.`.replace(',:', ':'), '')),
    isOff
      ? { level: 'note', found: `${file} switches the agent off.`, remedy: 'Take "off" out of it to observe programs.' }
      : {
          level: 'ok',
          found: `${file} is read: ${inForce === AS_STARTED ? 'it changes nothing' : inForce}.`,
          remedy: '',
        },
  ];
}

function problem(found: string, remedy: string): Check {
  return { level: 'problem', found, remedy };
}
