/** Figures as people read them. */
import type { SignalUnit } from './signals';

/** A value with its unit, for reasons: `84 %`, `12.5 ms`, `3`, `1.2 MB/s`. */
export function valueText(value: number, unit: SignalUnit): string {
  switch (unit) {
    case 'share':
      return `${shortNumber(value * 100)} %`;
    case 'ms':
      return value >= 10_000 ? `${shortNumber(value / 1_000)} s` : `${shortNumber(value)} ms`;
    case 'bytes':
      return bytesText(value);
    case 'bytesPerSecond':
      return `${bytesText(value)}/s`;
    case 'perSecond':
      return `${shortNumber(value)}/s`;
    case 'count':
    case 'perCore':
    case 'any':
      return shortNumber(value);
  }
}

/** Three digits that count. */
function shortNumber(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** `1.25 MB`; decimal units. */
export function bytesText(value: number): string {
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (value >= size) return `${shortNumber(value / size)} ${unit}`;
  return `${shortNumber(value)} B`;
}

/** The two largest units: `2 h 5 min`, `40 s`, `3 d`. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return `${Math.round(ms)} ms`;
  const [name, size] = units[first]!;
  const second = units[first + 1];
  const rest = second ? Math.floor((seconds % size) / second[1]) : 0;
  return `${Math.floor(seconds / size)} ${name}${second && rest > 0 ? ` ${rest} ${second[0]}` : ''}`;
}

/** `spanText` of a span that is not known to the second: whole minutes from ten minutes on. */
export const aboutText = (ms: number): string => spanText(ms >= 600_000 ? Math.round(ms / 60_000) * 60_000 : ms);
