/**
 * The parking word: where threads wait until something may have changed, and how whoever changes it finds out that nobody has to be woken.
 *
 * Runs on application threads, the waiters' and the wakers'. What is waited for stands elsewhere: a waiter announces itself, looks again, and only then
 * parks; a waker makes its change first and then looks at the word.
 *
 *     bit 0 PARKED   somebody may be parked at this word
 *     bit 1 ASYNC    some thread may wait asynchronously, at the block's generation
 *     bit 2 WAKING   one was woken and has not looked yet: it will see what has changed until it clears the bit
 *
 * Invariants
 * P1  Nobody parks, or stays parked, after a change was followed by a wake, unless another waiter has been woken and is about to look. Who looks and
 *     finds more than it takes wakes the next one.
 * P2  A waiter that died, woken or parked, delays others by no more than their own time slice: the bits that it leaves behind are cleared by
 *     whoever finds nobody parked, and by everyone who stops waiting.
 */
const PARKED = 1;
const ASYNC = 2;
const WAKING = 4;

/** Announces a waiter that is going to park; gives back what the word must still be when it parks. */
export function announceParking(i32: Int32Array, at: number): number {
  for (;;) {
    const word = Atomics.load(i32, at);
    const announced = word | PARKED;
    if (word === announced || Atomics.compareExchange(i32, at, word, announced) === word) return announced;
  }
}

/** To be called after each wait, before looking: changes from now on need another wake. */
export function endParking(i32: Int32Array, at: number): void {
  for (;;) {
    const word = Atomics.load(i32, at);
    if ((word & WAKING) === 0 || Atomics.compareExchange(i32, at, word, word & ~WAKING) === word) return;
  }
}

/** Announces an asynchronous waiter; to be called after its `waitAsync` has begun, and before it looks. */
export function announceAsync(i32: Int32Array, at: number): void {
  for (;;) {
    const word = Atomics.load(i32, at);
    if ((word & ASYNC) !== 0 || Atomics.compareExchange(i32, at, word, word | ASYNC) === word) return;
  }
}

/** Whether somebody may be waiting. */
export function isAwaited(i32: Int32Array, at: number): boolean {
  return (Atomics.load(i32, at) & (PARKED | ASYNC)) !== 0;
}

/** After a change that lets one waiter go on. Asynchronous ones are woken at `generationAt`. */
export function wakeOne(i32: Int32Array, at: number, generationAt: number): void {
  const word = Atomics.load(i32, at);
  if ((word & ASYNC) !== 0 || (word & (PARKED | WAKING)) === PARKED) wakeSlow(i32, at, generationAt, 1);
}

/** After a change that lets all waiters go on. */
export function wakeAll(i32: Int32Array, at: number, generationAt: number): void {
  if ((Atomics.load(i32, at) & (PARKED | ASYNC)) !== 0) wakeSlow(i32, at, generationAt, Infinity);
}

function wakeSlow(i32: Int32Array, at: number, generationAt: number, count: number): void {
  for (;;) {
    const word = Atomics.load(i32, at);
    const wakes = (word & PARKED) !== 0 && (count > 1 || (word & WAKING) === 0);
    const wakesAsync = (word & ASYNC) !== 0;
    if (!wakes && !wakesAsync) return;
    const next = (word & ~ASYNC) | (wakes ? WAKING : 0);
    if (Atomics.compareExchange(i32, at, word, next) !== word) continue;
    if (wakesAsync) {
      Atomics.add(i32, generationAt, 1);
      Atomics.notify(i32, generationAt);
    }
    if (wakes && Atomics.notify(i32, at, count) === 0) clearParked(i32, at);
    return;
  }
}

/** Nobody was parked: until somebody is, wakes cost nothing. Who parked meanwhile looks again. */
function clearParked(i32: Int32Array, at: number): void {
  for (;;) {
    const word = Atomics.load(i32, at);
    const cleared = word & ~(PARKED | WAKING);
    if (Atomics.compareExchange(i32, at, word, cleared) !== word) continue;
    Atomics.notify(i32, at);
    return;
  }
}
