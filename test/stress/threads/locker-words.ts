/** The words that the threads of `locker.ts` share. */

/** Who is in the section; two counts that only who is in it changes; acquisitions that were told of an abandoned lock, and all; how many are to begin. */
export const LOCKER = { INSIDE: 0, FIRST: 1, SECOND: 2, ABANDONED: 3, ACQUIRED: 4, STARTING: 5 } as const;
