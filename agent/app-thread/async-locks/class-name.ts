/**
 * The class of a lock that is known by a key or a name: what the program has finitely many of.
 *
 * Runs on application threads, and in tests.
 */

const MAX_CHARS = 120;
const UUID = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/gi;
/** Eight digits or more, one of them a decimal one: words of a to f alone are words. */
const HEX = /(?<![0-9a-z])(?=[a-f]*[0-9])[0-9a-f]{8,}(?![0-9a-z])/gi;
const DIGITS = /[0-9]+/g;

/** A key with its runs of digits, hex digits and UUIDs replaced by `*`. */
export function classNameOf(key: string): string {
  return key.slice(0, MAX_CHARS).replace(UUID, '*').replace(HEX, '*').replace(DIGITS, '*');
}
