/**
 * `npm run catalog`: writes `agent/catalog.json` and the README's tables from the agent's catalog (`agent/agent-thread/telemetry/catalog.ts`). With `--check`
 * it writes nothing and fails when they differ, which is a step of `npm run check`, `npm test` and with it of CI.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { catalogDocument } from './document.ts';
import { catalogTables, withTables } from './tables.ts';

const README = new URL('../../README.md', import.meta.url);
const DOCUMENT = new URL('../../agent/catalog.json', import.meta.url);

function read(file: URL): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** What each file must hold. */
function generated(): [name: string, file: URL, text: string][] {
  return [
    ['agent/catalog.json', DOCUMENT, `${JSON.stringify(catalogDocument(), null, 2)}\n`],
    ['README.md', README, withTables(read(README), catalogTables())],
  ];
}

const isCheck = process.argv.includes('--check');
const different = generated().filter(([, file, text]) => read(file) !== text);
if (!isCheck) for (const [, file, text] of different) writeFileSync(file, text);
const names = different.map(([name]) => name).join(' and ');
if (different.length === 0) {
  console.log('agent/catalog.json and README.md are what the catalog says');
} else if (isCheck) {
  console.error(`${names}: not what the catalog says; \`npm run catalog\` writes what it does`);
  process.exitCode = 1;
} else {
  console.log(`written: ${names}`);
}
