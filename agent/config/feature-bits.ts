/**
 * Features as the bits of a word: how the agent thread tells application threads, by shared memory, what is switched off while the program runs.
 *
 * Runs on every thread.
 */
import { FEATURES, type Feature } from './options.ts';

/** The bits of these features, in the order of the list of all. */
export function featureBits(features: Iterable<Feature>): number {
  let bits = 0;
  for (const feature of features) bits |= 1 << FEATURES.indexOf(feature);
  return bits;
}
