/** Figures over time as a line of blocks. Pure. */

const BLOCKS = '▁▂▃▄▅▆▇█';

export interface ChartSpan {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Characters. */
  readonly width: number;
}

/** The highest value of each stretch of time, from nothing to the highest of all; a stretch without values is a dot. */
export function sparkline(
  points: readonly { readonly at: number; readonly value: number }[],
  { from, to, width }: ChartSpan,
): string {
  if (to <= from || width < 1) return '';
  const highest: (number | null)[] = Array.from({ length: width }, () => null);
  for (const { at, value } of points) {
    if (at < from || at > to || !Number.isFinite(value)) continue;
    const place = Math.min(width - 1, Math.floor(((at - from) / (to - from)) * width));
    highest[place] = Math.max(highest[place] ?? -Infinity, value);
  }
  const top = Math.max(...highest.map((value) => value ?? 0));
  return highest
    .map((value) => {
      if (value === null) return '·';
      const level = top <= 0 ? 0 : Math.round((Math.max(0, value) / top) * (BLOCKS.length - 1));
      return BLOCKS[level]!;
    })
    .join('');
}
