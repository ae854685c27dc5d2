import type { GetOptions } from './object-store';

/** Throws RangeError, a defect of the caller, unless 0 ≤ start ≤ end. Ends beyond the object are cut by the adapters. */
export function assertRange(range: GetOptions['range']): void {
  if (range === undefined) return;
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start)
    throw new RangeError(`not a range of bytes [start=${start}] [end=${end}]`);
}

/** The value of an HTTP range header, whose end is inclusive. */
export function rangeHeader({ start, end }: NonNullable<GetOptions['range']>): string {
  return `bytes=${start}-${end - 1}`;
}
