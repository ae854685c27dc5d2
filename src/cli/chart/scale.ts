/** Axes: round figures that people read, and where a value lies between them. Pure. */

const NICE = [1, 2, 2.5, 5, 10];
/** Steps of an axis of time, in seconds. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
];

export interface Axis {
  /** The end of the axis; it begins at 0. Above zero. */
  readonly top: number;
  readonly ticks: readonly number[];
}

/** From 0 to a round figure that is not below `highest`, with about `wanted` steps. */
export function valueAxis(highest: number, wanted = 4): Axis {
  const most = Number.isFinite(highest) && highest > 0 ? highest : 1;
  const rough = most / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * NICE.find((factor) => factor * power >= rough * 0.999)!;
  const count = Math.max(1, Math.ceil((most / step) * 0.999));
  return { top: count * step, ticks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}

/** Instants between `from` and `to`, at most `most` of them, that lie at round distances from `zero` (or round times of day). */
export function timeTicks(from: number, to: number, zero: number | null, most: number): readonly number[] {
  if (!(to > from) || most < 1) return [];
  const seconds = (to - from) / 1_000;
  const step = 1_000 * (TIME_STEPS.find((one) => seconds / one <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400);
  const base = zero ?? 0;
  const first = base + Math.ceil((from - base) / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, index) => first + index * step);
}

/** `40 s`, `2:05 min`, or the time of day in UTC when there is no zero. */
export function timeLabel(at: number, zero: number | null, spanMs: number): string {
  if (zero === null) {
    const text = new Date(at).toISOString();
    return spanMs > 48 * 3_600_000 ? text.slice(5, 10) : spanMs < 5 * 60_000 ? text.slice(11, 19) : text.slice(11, 16);
  }
  const seconds = Math.round((at - zero) / 1_000);
  if (spanMs < 180_000) return `${seconds} s`;
  const [whole, rest] = [Math.floor(Math.abs(seconds) / 60), Math.abs(seconds) % 60];
  return `${seconds < 0 ? '-' : ''}${whole}:${String(rest).padStart(2, '0')}`;
}

/** Three digits that count, without zeros at the end; from ten thousand on with a letter: `25k`. */
export function tickLabel(value: number): string {
  if (value >= 1e15) return value.toExponential(0);
  for (const [letter, size] of [
    ['T', 1e12],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    // prettier-ignore
    if (value >= size && value >= 10_000) return `${Number((value / size).toPrecision(3))}${letter}`;
  return value >= 1_000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
