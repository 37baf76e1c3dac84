/**
 * GridwatchPoolStarved: an album is made by a task that puts its pictures into the same queue, and waits for them. There are two places in it. With two albums at once
 * both are taken, and each waits for pictures that wait for a place.
 *
 * The way out is `fixed.js`: pictures have a queue of their own.
 */
import PQueue from 'p-queue';
import { clients, pause } from '../service.js';

const PICTURES = 5;
const queue = new PQueue({ concurrency: 2 });

/** Which pictures are in it. */
const readAlbum = async () => {
  await pause(50);
  return Array.from({ length: PICTURES }, (_, at) => ({ picture: at }));
};

const makePicture = async (picture) => {
  await pause(30);
  return picture;
};

function makeAlbum() {
  return queue.add(async () => {
    const pictures = await readAlbum();
    // A mistake to find: it has a place, and waits for those who want one.
    return Promise.all(pictures.map((picture) => queue.add(() => makePicture(picture))));
  });
}

clients(2, 100, makeAlbum);
