/** Parsers of option values: each refuses with a sentence that says what would be accepted. */
import { InvalidArgumentError } from 'commander';
import { parseDuration, parseSize } from '../config/schema';

/** `20MB`, `20MB/s`, `512KiB` → bytes. */
export function sizeArgument(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null || bytes <= 0) throw new InvalidArgumentError('Write a size such as 20MB/s, 512KiB or 16MiB.');
  return bytes;
}

/** As `sizeArgument`; `none` lifts the limit. (commander turns null into an empty text, so words stay words here.) */
export function rateArgument(text: string): number | 'none' {
  return text === 'none' ? 'none' : sizeArgument(text);
}

/** `90s`, `6h` → milliseconds. */
export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('Write a duration such as 90s, 15m, 6h or 7d.');
  return ms;
}

export function countArgument(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('Write a whole number of 1 or more.');
  return count;
}

/** As `countArgument`; `all` lifts the limit. */
export function readersArgument(text: string): number | 'all' {
  return text === 'all' ? 'all' : countArgument(text);
}

/** ISO 8601, or a span back from now such as `6h`. */
export function timeArgument(text: string, now: Date = new Date()): Date {
  if (text === 'now') return now;
  const span = parseDuration(text);
  if (span !== null) return new Date(now.getTime() - span);
  // A date alone, or a time with its offset: what Date makes of other texts depends on the machine.
  const date = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/.test(text)
    ? new Date(text)
    : null;
  if (date === null || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('Write a time such as 2026-11-21T06:00:00Z, or a span back from now such as 6h.');
  }
  return date;
}

/** Collects a repeatable option; commas separate too. */
export function listArgument(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...text.split(',').filter((part) => part !== '')];
}

export type Owners = 'keep' | 'omit' | { readonly mapTo: string };

/** `keep`, `omit`, or `map:ROLE`. */
export function ownersArgument(text: string): Owners {
  if (text === 'keep' || text === 'omit') return text;
  if (text.startsWith('map:') && text.length > 'map:'.length) return { mapTo: text.slice('map:'.length) };
  throw new InvalidArgumentError('Write keep, omit or map:ROLE.');
}
