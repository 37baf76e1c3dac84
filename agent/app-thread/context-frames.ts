/**
 * Whether asynchronous context is a register of the engine's here. Elsewhere async hooks carry it, and one scope makes every later await of the thread slower,
 * 40 to 108 ns.
 *
 * Runs on application threads.
 */

/** From this version on it is, unless a flag says otherwise. */
const FIRST_WITH_FRAMES = 24;

export function hasContextFrames(): boolean {
  const flags = `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`;
  if (flags.includes('--no-async-context-frame')) return false;
  return (
    Number.parseInt(process.versions.node, 10) >= FIRST_WITH_FRAMES ||
    flags.includes('--experimental-async-context-frame')
  );
}
