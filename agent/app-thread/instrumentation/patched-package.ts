/**
 * What the tables of packages that are patched say of one.
 *
 * Runs on application threads, as part of the preload: data only.
 */
import type { Feature } from '../../config/options.ts';

/** Features that follow packages. */
export type PatchedFeature = Extract<Feature, 'promise_locks' | 'pools' | 'queues'>;

export interface PatchedFile {
  /** Below the package's folder. */
  readonly file: string;
  /**
   * The file's own bindings that its patch reads and may replace, by their names or those under which an ES module exports them; one that a version has not is
   * not there. Without any a patch of CommonJS is given `exports`, and an ES module is left alone.
   */
  readonly bindings: readonly string[];
}

export interface PatchedPackage {
  /** What follows it: with the feature off the package is left alone. */
  readonly feature: PatchedFeature;
  readonly module: string;
  /** One range, `>=a.b.c <d.e.f`. */
  readonly versions: string;
  readonly files: readonly PatchedFile[];
}

/** A CommonJS file whose exports are patched. */
export const commonJs = (file: string): PatchedFile => ({ file, bindings: [] });

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
