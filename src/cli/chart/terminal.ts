/** A chart over time in characters: columns of blocks, a shared axis, marks by number. Pure. */
import type { Palette } from '../output/ui';
import { visibleMarks, visiblePoints, visibleSpan, type ChartPanel, type ChartSeries, type TimeChart } from './model';
import { tickLabel, timeLabel, timeTicks, valueAxis } from './scale';

export interface TerminalOptions {
  /** Characters. */
  readonly width: number;
  /** Lines of one panel. @default 7 */
  readonly rows?: number;
  readonly colors: Palette;
}

const EIGHTHS = ' ▁▂▃▄▅▆▇█';
const LEAST_COLUMNS = 10;

/** Lines; none is longer than `width`, unless that is too narrow for any chart. */
export function terminalChart(chart: TimeChart, { width, rows = 7, colors }: TerminalOptions): readonly string[] {
  const axes = chart.panels.map((panel) => valueAxis(highestOf(panel.series.slice(0, 1), chart), 3));
  const margin = 1 + Math.max(3, ...axes.flatMap(({ ticks }) => ticks.map((tick) => tickLabel(tick).length)));
  const columns = Math.max(LEAST_COLUMNS, width - margin - 1);
  const frame: Frame = { chart, columns, margin, rows, colors };
  return [
    ...chart.panels.flatMap((panel, index) => panelLines(panel, axes[index]!.top, axes[index]!.ticks, frame)),
    ...axisLines(frame),
    ...markLine(frame),
  ];
}

interface Frame {
  readonly chart: TimeChart;
  /** Of the drawing itself, without its axis. */
  readonly columns: number;
  /** Width of the axis' figures. */
  readonly margin: number;
  readonly rows: number;
  readonly colors: Palette;
}

/** The highest value that is shown; 0 of nothing. */
export function highestOf(series: readonly ChartSeries[], span: Pick<TimeChart, 'from' | 'to'>): number {
  return Math.max(0, ...series.flatMap((one) => visiblePoints(one, span).map(({ value }) => value ?? 0)));
}

function panelLines(panel: ChartPanel, top: number, ticks: readonly number[], frame: Frame): readonly string[] {
  const { chart, columns, margin, rows, colors } = frame;
  const [drawn] = panel.series;
  const values = drawn === undefined ? [] : columnValues(drawn, chart, columns);
  const paint = drawn?.tone === 'latency' ? colors.magenta : colors.green;
  const texts = gapTexts(panel, frame);
  const lines = [
    `${' '.repeat(margin)} ${colors.bold(panel.title)}${panel.unit === '' ? '' : ` ${colors.dim(panel.unit)}`}`,
  ];
  for (let row = rows; row >= 1; row -= 1) {
    // A figure stands at the line that its value reaches.
    const tick = ticks.find((value) => value > 0 && Math.round((value / top) * rows) === row);
    const cells = Array.from({ length: columns }, (_, column) => cellOf(values[column] ?? null, top, row, rows));
    const text = row === Math.ceil(rows / 2) ? texts : [];
    lines.push(
      `${(tick === undefined ? '' : tickLabel(tick)).padStart(margin)}${colors.dim('│')}${painted(cells, text, paint, colors)}`,
    );
  }
  lines.push(`${'0'.padStart(margin)}${colors.dim(`└${'─'.repeat(columns)}`)}`);
  return lines;
}

/** The highest value within each column; a step or line that passes through fills it. */
function columnValues(series: ChartSeries, chart: TimeChart, columns: number): readonly (number | null)[] {
  const points = visiblePoints(series, chart);
  const span = chart.to - chart.from;
  if (!(span > 0) || points.length === 0) return [];
  return Array.from({ length: columns }, (_, column) => {
    const from = chart.from + (column / columns) * span;
    const to = from + span / columns;
    const inside = points
      .filter(({ at }) => at >= from && at < to)
      .flatMap(({ value }) => (value === null ? [] : [value]));
    if (inside.length > 0 && series.kind !== 'step') return Math.max(...inside);
    const middle = (from + to) / 2;
    return valueAt(points, middle, series.kind);
  });
}

function valueAt(points: ReturnType<typeof visiblePoints>, at: number, kind: ChartSeries['kind']): number | null {
  const before = points.findLast((point) => point.at <= at);
  if (before === undefined || before.value === null) return null;
  if (kind === 'step') return before.value;
  const after = points.find((point) => point.at > at);
  if (after === undefined || after.value === null) return null;
  return before.value + ((after.value - before.value) * (at - before.at)) / (after.at - before.at);
}

function cellOf(value: number | null, top: number, row: number, rows: number): string {
  if (value === null) return ' ';
  const eighths = Math.round(Math.min(1, value / top) * rows * 8);
  // What is above nothing is seen.
  const seen = value > 0 ? Math.max(1, eighths) : eighths;
  return EIGHTHS[Math.min(8, Math.max(0, seen - (row - 1) * 8))]!;
}

interface Placed {
  readonly column: number;
  readonly text: string;
}

/** Labels of gaps that are wide enough for them, in the middle of each; where gaps lie on each other, the first one's. */
function gapTexts({ gaps = [] }: ChartPanel, { chart, columns }: Frame): readonly Placed[] {
  const placed: Placed[] = [];
  let free = 0;
  for (const gap of gaps.toSorted((a, b) => a.from - b.from)) {
    const seen = visibleSpan(gap, chart);
    if (seen === null) continue;
    const from = Math.ceil(place(seen.from, chart, columns));
    const room = Math.floor(place(seen.to, chart, columns)) - from;
    const column = from + Math.floor((room - gap.label.length) / 2);
    if (room < gap.label.length || column < free) continue;
    placed.push({ column, text: gap.label });
    free = column + gap.label.length;
  }
  return placed;
}

/** Columns from the left edge, not rounded. */
const place = (at: number, { from, to }: TimeChart, columns: number): number =>
  to > from ? ((at - from) / (to - from)) * columns : 0;

function painted(
  cells: readonly string[],
  texts: readonly Placed[],
  paint: (text: string) => string,
  colors: Palette,
): string {
  let line = '';
  let column = 0;
  for (const { column: at, text } of texts) {
    line += `${paint(cells.slice(column, at).join(''))}${colors.yellow(text)}`;
    column = at + text.length;
  }
  return `${line}${paint(cells.slice(column).join('').trimEnd())}`;
}

function axisLines({ chart, columns, margin, colors }: Frame): readonly string[] {
  const { from, to, zero } = chart;
  const ticks = timeTicks(from, to, zero, Math.max(1, Math.floor(columns / 12)));
  const line = Array.from({ length: columns + 1 }, () => ' ');
  let free = 0;
  for (const tick of ticks) {
    const label = timeLabel(tick, zero, to - from);
    const start = Math.round(place(tick, chart, columns));
    if (start < free || start + label.length > columns) continue;
    [...label].forEach((character, index) => (line[start + index] = character));
    free = start + label.length + 1;
  }
  return ticks.length === 0 ? [] : [`${' '.repeat(margin)} ${colors.dim(line.join('').trimEnd())}`];
}

/** `▲1   ▲2`: each mark's number below the axis; those too near to the one before share its place. */
function markLine({ chart, columns, margin, colors }: Frame): readonly string[] {
  const marks = visibleMarks(chart);
  if (marks.length === 0) return [];
  let line = '';
  marks.forEach((_, index) => {
    const at = Math.min(columns - 1, Math.floor(place(marks[index]!.at, chart, columns)));
    const label = String(index + 1);
    if (line.length > 0 && at <= line.length)
      line = line.length + label.length + 1 > columns ? line : `${line},${label}`;
    else line = `${line.padEnd(at)}${at + 1 + label.length > columns ? '' : '▲'}${label}`;
  });
  return [`${' '.repeat(margin)} ${colors.yellow(line.slice(0, columns))}`];
}
