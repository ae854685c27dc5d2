/** Durations and sizes as people write them: `90s`, `15m`, `6h`, `7d`; `16MiB`, `20MB`, `512KiB`. */

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const UNITS_BYTES = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

export const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*$/;
export const SIZE = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)(?:\/s)?\s*$/;

/** `90s`, `15m`, `6h`, `7d`, `2w`, `500ms` → milliseconds; null when it is none. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text);
  return match ? Math.round(Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS]) : null;
}

/** `16MiB`, `20MB`, `1024B` → bytes; null when it is none. A trailing `/s` is accepted for rates. */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text);
  return match ? Math.round(Number(match[1]) * UNITS_BYTES[match[2] as keyof typeof UNITS_BYTES]) : null;
}

/** The shortest way to write a duration: 3600000 → `1h`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const [unit, value] = Object.entries(UNITS_MS)
    .reverse()
    .find(([, factor]) => ms % factor === 0) ?? ['ms', 1];
  // 7d reads better than 1w.
  return unit === 'w' ? `${ms / UNITS_MS.d}d` : `${ms / value}${unit}`;
}

/** The shortest way to write a size: 16777216 → `16MiB`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0B';
  const [unit, value] = Object.entries(UNITS_BYTES)
    .sort(([, a], [, b]) => b - a)
    .find(([, factor]) => bytes % factor === 0) ?? ['B', 1];
  return `${bytes / value}${unit}`;
}
