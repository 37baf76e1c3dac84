/**
 * GridwatchQueueGrowing: a file of addresses is imported. Its lines are read faster than the database takes them, and nobody waits for what has been submitted
 * before more is: the queue has no end, and gets longer until the memory is used up.
 *
 * The way out is `fixed.js`: who reads waits whenever enough of it waits to be saved.
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
    // A mistake to find: nobody waits for what has been submitted.
    for (let at = 0; at < LINES; at++) void addresses.push({ line: line + at });
  }
}

await importFile();
