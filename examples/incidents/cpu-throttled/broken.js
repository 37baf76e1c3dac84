/**
 * GridwatchCpuThrottled: a service renders reports on as many workers as the machine has CPUs, and may use three tenths of one. In a burst they use up within the first
 * milliseconds of a period what the quota has for all of it. Then every thread stands still until the next one begins, also the one that answers requests.
 *
 * A quota only comes from outside. Either of these gives it one:
 *
 *     docker run --rm --cpus 0.3 -v "$PWD:/gridwatch" -w /gridwatch node:24 node examples/start.cjs incidents/cpu-throttled/broken
 *     systemd-run --scope -p CPUQuota=30% node examples/start.cjs incidents/cpu-throttled/broken
 *
 * The way out is `fixed.js`: no more workers than the quota feeds, and a rest after each page.
 */
import { cpus } from 'node:os';
import { Piscina } from 'piscina';
import { clients } from '../service.js';

const PAGES = 24;
// A mistake to find: the machine has so many, and the quota has not.
const WORKERS = cpus().length;
const pool = new Piscina({
  filename: new URL('./page.js', import.meta.url).href,
  name: 'renderPage',
  minThreads: WORKERS,
  maxThreads: WORKERS,
});

async function renderReport() {
  const pages = Array.from({ length: PAGES }, (_, page) => pool.run({ page }));
  return Promise.all(pages);
}

clients(1, 200, renderReport);
