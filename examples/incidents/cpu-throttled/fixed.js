/**
 * The twin of `broken.js` that spreads its work: one worker, which computes for a sixth of the time. A report takes longer than its CPU time, and nobody stands still
 * for it. It stays within three tenths of a CPU, see there for how to give it so much.
 *
 * `os.availableParallelism()` would say how many workers a quota of whole CPUs feeds, of cgroup v2 only. Of one that is smaller than a CPU even one worker has to rest.
 */
import { Piscina } from 'piscina';
import { clients, pause } from '../service.js';

const PAGES = 24;
const RESTS_PER_PAGE = 5;
const pool = new Piscina({
  filename: new URL('./page.js', import.meta.url).href,
  name: 'renderPage',
  minThreads: 1,
  maxThreads: 1,
});

async function renderReport() {
  const pages = [];
  while (pages.length < PAGES) {
    const startedMs = performance.now();
    pages.push(await pool.run({ page: pages.length }));
    await pause(RESTS_PER_PAGE * (performance.now() - startedMs));
  }
  return pages;
}

clients(1, 200, renderReport);
