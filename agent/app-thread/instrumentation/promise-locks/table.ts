/**
 * Which packages of promise locks are observed: which of their files are patched, in which versions. The patches themselves stand beside this file and are
 * loaded with the first such package.
 *
 * Runs on application threads, as part of the preload: data only.
 */

export interface PatchedFile {
  /** Below the package's folder. */
  readonly file: string;
  /** An ES module's own bindings that its patch reads and may replace; of CommonJS it is given `exports`. */
  readonly bindings: readonly string[];
}

export interface PatchedPackage {
  readonly module: string;
  /** One range, `>=a.b.c <d.e.f`. */
  readonly versions: string;
  readonly files: readonly PatchedFile[];
}

/** CommonJS files have no bindings to name. */
const commonJs = (file: string): PatchedFile => ({ file, bindings: [] });

export const PATCHED_PACKAGES: readonly PatchedPackage[] = [
  {
    module: 'async-mutex',
    versions: '>=0.5.0 <0.6.0',
    files: [
      commonJs('lib/Semaphore.js'),
      commonJs('lib/withTimeout.js'),
      { file: 'index.mjs', bindings: ['Semaphore', 'withTimeout'] },
    ],
  },
  { module: 'async-lock', versions: '>=1.2.0 <2.0.0', files: [commonJs('lib/index.js')] },
  { module: 'p-limit', versions: '>=2.0.0 <8.0.0', files: [{ file: 'index.js', bindings: ['pLimit'] }] },
  { module: 'async-sema', versions: '>=3.0.0 <4.0.0', files: [commonJs('lib/index.js')] },
];

/** Whether a version lies in a range of the table; a prerelease counts as its release. */
export function isInRange(version: string, range: string): boolean {
  const [low, high] = range.split(' ').map((bound) => numberOf(bound));
  const number = numberOf(version);
  return low !== undefined && high !== undefined && number >= low && number < high;
}

function numberOf(version: string): number {
  const [, major = '', minor = '', patch = ''] = /(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return major === '' ? Number.NaN : Number(major) * 1e8 + Number(minor) * 1e4 + Number(patch);
}
