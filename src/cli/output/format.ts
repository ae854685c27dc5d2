/** Numbers as people read them. Pure: the clock is an argument. */

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Shown where there is no value. */
export const NONE = '—';

/** Bytes in binary units with three digits at most: `0 B`, `1.5 KiB`, `16 MiB`, `204 GiB`. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return NONE;
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.5 would round up to "1024 KiB": step on at the value that still rounds to 1023.
  while (value >= 1023.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${bytes < 0 ? '-' : ''}${value.toFixed(digits).replace(/\.0$/, '')} ${SIZE_UNITS[unit]}`;
}

/** Bytes per second. */
export function formatRate(bytesPerSecond: number | null | undefined): string {
  const text = formatBytes(bytesPerSecond);
  return text === NONE ? NONE : `${text}/s`;
}

/** Milliseconds as a span with two units at most: `40 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  const span = Math.max(0, ms);
  if (span < 999.5) return `${Math.round(span)} ms`;
  if (span < 9_950) return `${(span / SECOND).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(span / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(span / MINUTE);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(span / HOUR);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** A time relative to `now`, one unit: `just now`, `12 min ago`, `in 3 h`, `4 d ago`. */
export function formatRelative(at: Date | null | undefined, now: Date): string {
  if (!at) return NONE;
  const distance = now.getTime() - at.getTime();
  const span = Math.abs(distance);
  if (span < 5 * SECOND) return 'just now';
  const text =
    span < MINUTE
      ? `${Math.round(span / SECOND)} s`
      : span < HOUR
        ? `${Math.round(span / MINUTE)} min`
        : span < 2 * DAY
          ? `${Math.round(span / HOUR)} h`
          : `${Math.round(span / DAY)} d`;
  return distance > 0 ? `${text} ago` : `in ${text}`;
}

/** `2026-11-21 09:25:30Z`: UTC, to the second, sorts as text. */
export function formatTime(at: Date | string | null | undefined): string {
  if (!at) return NONE;
  const date = typeof at === 'string' ? new Date(at) : at;
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** Whole numbers with thousands separators: `1,204,000`. */
export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return NONE;
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** A share of 0..1: `61 %`; never rounds up to 100 % before it is done. */
export function formatShare(share: number): string {
  const bounded = Math.min(1, Math.max(0, share));
  return `${bounded >= 1 ? 100 : Math.min(99, Math.floor(bounded * 100))} %`;
}

/** `1 backup`, `3 backups`. */
export function plural(count: number, singular: string, many = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : many}`;
}
