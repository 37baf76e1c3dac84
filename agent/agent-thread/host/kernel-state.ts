/**
 * What a thread is blocked in, told from the system call it is in or from the kernel function it sleeps in.
 *
 * Runs on the agent thread. Tables and pure functions only. What they do not know is `other`: a guess is worse than `unknown`.
 */

/**
 * `on_cpu`: running, or in the run queue. `idle`: in epoll, where an event loop waits for work. `blocked_io`: in a file, pipe or
 * socket. `futex`: in a futex. `other`: blocked in something else. `unseen`: this thread, or this machine, does not tell.
 */
export type KernelState = 'on_cpu' | 'idle' | 'blocked_io' | 'futex' | 'other' | 'unseen';

/** System calls by what a thread that is blocked in one does, as `name number` pairs. */
interface SyscallTable {
  readonly idle: string;
  readonly futex: string;
  readonly blocked_io: string;
}

/** asm/unistd_64.h. */
const X64: SyscallTable = {
  idle: 'epoll_wait 232, epoll_pwait 281, epoll_pwait2 441',
  futex: 'futex 202, futex_waitv 449, futex_wait 455',
  blocked_io: `read 0, write 1, open 2, close 3, stat 4, fstat 5, lstat 6, poll 7, pread64 17, pwrite64 18, readv 19, writev 20,
    select 23, sendfile 40, connect 42, accept 43, sendto 44, recvfrom 45, sendmsg 46, recvmsg 47, fcntl 72, flock 73, fsync 74,
    fdatasync 75, ftruncate 77, rename 82, mkdir 83, unlink 87, sync 162, getdents64 217, openat 257, mkdirat 258,
    newfstatat 262, unlinkat 263, renameat 264, pselect6 270, ppoll 271, splice 275, sync_file_range 277, fallocate 285,
    accept4 288, preadv 295, pwritev 296, renameat2 316, copy_file_range 326, preadv2 327, pwritev2 328, statx 332,
    io_uring_enter 426`,
};

/** asm-generic/unistd.h. */
const GENERIC: SyscallTable = {
  idle: 'epoll_pwait 22, epoll_pwait2 441',
  futex: 'futex 98, futex_waitv 449, futex_wait 455',
  blocked_io: `fcntl 25, flock 32, mkdirat 34, unlinkat 35, renameat 38, ftruncate 46, fallocate 47, openat 56, close 57,
    getdents64 61, read 63, write 64, readv 65, writev 66, pread64 67, pwrite64 68, preadv 69, pwritev 70, sendfile 71,
    pselect6 72, ppoll 73, splice 76, newfstatat 79, fstat 80, sync 81, fsync 82, fdatasync 83, sync_file_range 84,
    accept 202, connect 203, sendto 206, recvfrom 207, sendmsg 211, recvmsg 212, accept4 242, renameat2 276,
    copy_file_range 285, preadv2 286, pwritev2 287, statx 291, io_uring_enter 426`,
};

const TABLES: Readonly<Record<string, SyscallTable>> = { x64: X64, arm64: GENERIC, riscv64: GENERIC, loong64: GENERIC };

/** States by system call number for one architecture; undefined where the numbers are not known here. */
export function syscallStates(arch: string): ReadonlyMap<number, KernelState> | undefined {
  const table = TABLES[arch];
  if (table === undefined) return undefined;
  const states = new Map<number, KernelState>();
  for (const state of ['idle', 'futex', 'blocked_io'] as const) {
    for (const [number] of table[state].matchAll(/\d+(?=,|$)/g)) states.set(Number(number), state);
  }
  return states;
}

const EPOLL_FUNCTION = /^(?:do_)?ep(?:oll)?_/;
const FUTEX_FUNCTION = /^(?:__)?futex_/;
const IO_FUNCTION =
  /^(?:io_schedule|__?wait_on_|wait_on_|folio_wait|bit_wait_io|(?:anon_)?pipe_|jbd2_|nfs4?_|rpc_|fuse_|request_wait_answer|sk_wait|sk_stream_wait|tcp_|inet_|unix_stream_|unix_wait|__skb_wait|n_tty_|poll_schedule|do_sys_poll|do_select)/;

/** The state of a blocked thread by the kernel function it sleeps in (`wchan`) and its letter in `stat`. */
export function stateOfFunction(kernelFunction: string, letter: string): KernelState {
  if (letter === 'R') return 'on_cpu';
  if (EPOLL_FUNCTION.test(kernelFunction)) return 'idle';
  if (FUTEX_FUNCTION.test(kernelFunction)) return 'futex';
  if (letter === 'D' || IO_FUNCTION.test(kernelFunction)) return 'blocked_io';
  return 'other';
}
