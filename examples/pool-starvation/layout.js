/** What the workers of the pool do: lay out chapters, and draw pictures. */
import { once } from 'node:events';

const PICTURES = 3;

/** Lays out a chapter, and waits for each of its pictures. */
export async function layOut({ chapter, port }) {
  let width = 0;
  for (let picture = 1; picture <= PICTURES; picture++) {
    port.postMessage({ picture });
    const [drawn] = await once(port, 'message');
    width += drawn.width;
  }
  return { chapter, width };
}

/** Draws one picture. */
export function draw({ picture }) {
  return { width: picture * 100 };
}
