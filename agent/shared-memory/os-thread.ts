/**
 * The kernel's id of the calling thread, without native code. Runs on every thread, once.
 */
const { readlinkSync } = process.getBuiltinModule('node:fs');

/** 0 where it cannot be had: not Linux, no /proc, or `--permission` without it. */
export function osThreadId(): number {
  if (process.platform !== 'linux') return 0;
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1)) | 0;
  } catch {
    return 0;
  }
}
