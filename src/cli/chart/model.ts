/** What a chart over time shows: panels above each other on one axis of time, marks and spans through all of them. Plain data. */

export type Tone = 'pace' | 'read' | 'latency' | 'other';

export interface ChartPoint {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** null = not known here: the line has a gap. */
  readonly value: number | null;
}

/** `step`: a value holds until the next point, the last one until the end. `line`: straight between points. `area`: a filled line. */
export type SeriesKind = 'step' | 'line' | 'area';

export interface ChartSeries {
  readonly name: string;
  readonly kind: SeriesKind;
  readonly tone: Tone;
  readonly points: readonly ChartPoint[];
}

export interface ChartPanel {
  readonly title: string;
  /** Stands after the figures of its axis: `MB/s`, `ms`. */
  readonly unit: string;
  /** The first one is what a terminal draws; a drawing has all. */
  readonly series: readonly ChartSeries[];
  /** Times in which this panel's figure is nothing for a reason: "paused". */
  readonly gaps?: readonly ChartSpan[];
}

export interface ChartSpan {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** Something that happened at one instant. */
export interface ChartMark {
  readonly at: number;
  /** A few words: "throttled to 4 MB/s". */
  readonly label: string;
  readonly tone: 'slower' | 'faster' | 'event';
}

export interface TimeChart {
  readonly title: string;
  readonly subtitle: string;
  /** Milliseconds since the epoch; what lies outside is not shown. */
  readonly from: number;
  readonly to: number;
  /** The instant that the axis counts seconds from. @default null: times of day, UTC */
  readonly zero: number | null;
  readonly panels: readonly ChartPanel[];
  /** Shaded through all panels. */
  readonly spans: readonly ChartSpan[];
  readonly marks: readonly ChartMark[];
}

/** Above it nothing can be told apart, and figures would run over. */
const MOST = 1e15;

/** Points in order of time with values that can be drawn. What a step has at the beginning comes from before it. */
export function visiblePoints(
  { kind, points }: Pick<ChartSeries, 'kind' | 'points'>,
  { from, to }: Pick<TimeChart, 'from' | 'to'>,
): readonly ChartPoint[] {
  const sorted = points
    .filter(({ at }) => Number.isFinite(at))
    .map(({ at, value }) => ({
      at,
      value: value !== null && Number.isFinite(value) ? Math.min(MOST, Math.max(0, value)) : null,
    }))
    .sort((a, b) => a.at - b.at);
  const within = sorted.filter(({ at }) => at >= from && at <= to);
  if (kind !== 'step') return within;
  const before = sorted.findLast(({ at }) => at < from);
  const started = before === undefined ? within : [{ at: from, value: before.value }, ...within];
  const last = started.at(-1);
  return last === undefined || last.at >= to ? started : [...started, { at: to, value: last.value }];
}

/** The part of a span that is shown; null when none is. */
export function visibleSpan(span: ChartSpan, { from, to }: Pick<TimeChart, 'from' | 'to'>): ChartSpan | null {
  const [start, end] = [Math.max(span.from, from), Math.min(span.to, to)];
  return start < end ? { ...span, from: start, to: end } : null;
}

export const visibleMarks = ({ marks, from, to }: Pick<TimeChart, 'marks' | 'from' | 'to'>): readonly ChartMark[] =>
  marks.filter(({ at }) => at >= from && at <= to).toSorted((a, b) => a.at - b.at);
