/**
 * The twin of `broken.js` in which the file is read no faster than its lines are saved: after each block it waits until the queue is empty.
 */
import fastq from 'fastq';
import { pause } from '../service.js';

const DATABASE_MS = 10;
const LINES = 10;
const BLOCK_EVERY_MS = 20;

const save = async () => pause(DATABASE_MS);
const addresses = fastq.promise(save, 4);

async function importFile() {
  for (let line = 0; ; line += LINES) {
    await pause(BLOCK_EVERY_MS);
    for (let at = 0; at < LINES; at++) void addresses.push({ line: line + at });
    await addresses.drained();
  }
}

await importFile();
