/**
 * The twin of `broken.js` in which pictures are made in a queue of their own, which no album can fill.
 */
import PQueue from 'p-queue';
import { clients, pause } from '../service.js';

const PICTURES = 5;
const albums = new PQueue({ concurrency: 2 });
const pictures = new PQueue({ concurrency: 2 });

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
  return albums.add(async () => {
    const open = await readAlbum();
    return Promise.all(open.map((picture) => pictures.add(() => makePicture(picture))));
  });
}

clients(2, 100, makeAlbum);
