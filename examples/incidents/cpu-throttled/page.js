/** What the workers of both twins do: render one page of a report, which is CPU time and nothing else. */
import { pbkdf2Sync } from 'node:crypto';

const ITERATIONS = 12_000;

export function renderPage({ page }) {
  return { page, picture: pbkdf2Sync(`page ${page}`, 'salt', ITERATIONS, 32, 'sha256').toString('hex') };
}
