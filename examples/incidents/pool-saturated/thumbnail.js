/** What the workers of both twins do: fetch a picture, which takes most of the time, and make a small one of it. */
import { pause } from '../service.js';

const STORAGE_MS = 250;

export async function makeThumbnail({ picture }) {
  await pause(STORAGE_MS);
  return { picture, width: 64 };
}
