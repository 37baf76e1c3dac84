/** Quantities as a person reads them: three digits at most, and their unit. Runs in the process of `gridwatch run --ui`. */

/** 0.4 ms, 12 ms, 1.24 s, 3 min. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${trim(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${trim((ms / 1000).toFixed(2))} s`;
  return ms < 119_500 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** What a histogram's cell tells of a longest duration: less than 50 ms, more than a minute. */
export function formatAtMost(seconds: number): string {
  return Number.isFinite(seconds) ? `under ${formatMs(seconds * 1000)}` : 'over a minute';
}

/** 0.4 %, 12 %, 100 %. */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 1 ? trim(percent.toFixed(1)) : Math.round(percent)} %`;
}

/** 0:42, 12:05, 1:02:03. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** One thread, 3 threads. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function trim(digits: string): string {
  return digits.replace(/\.?0+$/, '');
}
