/**
 * `npm run dashboards`: writes the dashboards beside this folder, and for the runbooks where each metric is shown. With `--check` it writes nothing and fails when they differ, or when there is one that
 * nobody makes; a unit test does the same.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { FOLDER, generatedFiles } from './files.ts';

const wanted = generatedFiles();
const present = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const different = [...wanted.keys()].filter(
  (name) => !existsSync(new URL(name, FOLDER)) || readFileSync(new URL(name, FOLDER), 'utf8') !== wanted.get(name),
);
const unknown = present.filter((name) => !wanted.has(name));
const isCheck = process.argv.includes('--check');
if (!isCheck) for (const name of different) writeFileSync(new URL(name, FOLDER), wanted.get(name) ?? '');
if (isCheck && different.length > 0) {
  console.error(`${different.join(', ')}: not what the sources say; \`npm run dashboards\` writes what they do`);
} else {
  console.log(different.length === 0 ? 'the dashboards are what the sources say' : `written: ${different.join(', ')}`);
}
if (unknown.length > 0) console.error(`${unknown.join(', ')}: no source makes it`);
if (unknown.length > 0 || (isCheck && different.length > 0)) process.exitCode = 1;
