/**
 * A lock in one word of shared memory, the classic three-state futex: free, held, held while others wait. Runs in the
 * pool's workers; never on the main thread, which must not block. Gridwatch shows a wait here as `parked`, because a
 * raw `Atomics.wait` looks the same in an idle pool; with its place in GRIDWATCH_ATOMICS_SITES it is `waiting_lock`.
 *
 * Its weakness is that of every such lock: if a worker dies while it holds it, the others wait for ever.
 */
const FREE = 0;
const HELD = 1;
const HELD_WITH_WAITERS = 2;

/** Runs `section` while this thread holds the lock in `words[index]`, and returns what it returns. */
export function withLock(words, index, section) {
  if (Atomics.compareExchange(words, index, FREE, HELD) !== FREE) {
    while (Atomics.exchange(words, index, HELD_WITH_WAITERS) !== FREE) Atomics.wait(words, index, HELD_WITH_WAITERS);
  }
  try {
    return section();
  } finally {
    if (Atomics.exchange(words, index, FREE) === HELD_WITH_WAITERS) Atomics.notify(words, index, 1);
  }
}
