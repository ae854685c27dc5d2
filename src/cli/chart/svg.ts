/**
 * A chart over time as a drawing: SVG in text, without a library, a script or a font of its own. It reads well on light and dark
 * ground, and where it is shown small its figures grow and its labels go. Pure.
 */
import { highestOf } from './terminal';
import {
  visibleMarks,
  visiblePoints,
  visibleSpan,
  type ChartMark,
  type ChartPanel,
  type ChartPoint,
  type ChartSeries,
  type TimeChart,
} from './model';
import { tickLabel, timeLabel, timeTicks, valueAxis } from './scale';
import { SVG_STYLE } from './svg-style';

const WIDTH = 960;
const LEFT = 74;
const RIGHT = WIDTH - 28;
const PANEL = 190;
/** Room for a panel's title, above it. */
const HEAD = 40;
const LANE = 22;
const MOST_LANES = 4;
/** Of one character of a mark's label, about. */
const CHARACTER = 7.4;

export function svgChart(chart: TimeChart): string {
  const marks = placeMarks(chart);
  const lanes = Math.max(0, ...marks.map(({ lane }) => lane + 1));
  const legendY = 84;
  const lanesY = legendY + 36;
  const first = lanesY + lanes * LANE + HEAD - 4;
  const tops = chart.panels.map((_, index) => first + index * (PANEL + HEAD));
  const bottom = (tops.at(-1) ?? first) + (tops.length > 0 ? PANEL : 0);
  const height = bottom + 58;
  const x = (at: number) => round(LEFT + ratio(at - chart.from, chart.to - chart.from) * (RIGHT - LEFT));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escape(chart.title)}</title>`,
    `<desc id="desc">${escape([chart.subtitle, ...visibleMarks(chart).map((mark) => `${timeLabel(mark.at, chart.zero, chart.to - chart.from)}: ${mark.label}`)].join('; '))}</desc>`,
    `<style>${SVG_STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="${LEFT - 46}" y="40">${escape(chart.title)}</text>`,
    `<text class="subtitle wide" x="${LEFT - 46}" y="64">${escape(chart.subtitle)}</text>`,
    ...legend(chart, legendY),
    ...chart.spans.flatMap((span) => {
      const seen = visibleSpan(span, chart);
      if (seen === null) return [];
      const width = round(x(seen.to) - x(seen.from));
      return [
        `<rect class="span" x="${x(seen.from)}" y="${first}" width="${width}" height="${round(bottom - first)}"/>`,
      ];
    }),
    ...chart.panels.flatMap((panel, index) => panelMarkup(panel, tops[index]!, chart, x)),
    ...marks.map(({ mark, lane }) => {
      const at = x(mark.at);
      return `<line class="mark ${mark.tone}" x1="${at}" x2="${at}" y1="${lanesY + lane * LANE}" y2="${bottom}"/>`;
    }),
    // Words last: what runs behind them must not strike them out.
    ...chart.panels.map((panel, index) => panelTitle(panel, tops[index]!)),
    ...chart.spans.flatMap((span) => {
      const seen = visibleSpan(span, chart);
      if (seen === null) return [];
      const middle = round((x(seen.from) + x(seen.to)) / 2);
      return [
        `<text class="spanlabel wide halo" x="${middle}" y="${(tops.at(-1) ?? first) + 20}">${escape(seen.label)}</text>`,
      ];
    }),
    ...marks.flatMap(({ mark, lane, left, number }) =>
      markWords(mark, number, { x: x(mark.at), left }, lanesY + lane * LANE),
    ),
    ...timeAxis(chart, bottom, x),
    '</svg>',
    '',
  ].join('\n');
}

type X = (at: number) => number;

function panelMarkup(panel: ChartPanel, top: number, chart: TimeChart, x: X): readonly string[] {
  const axis = valueAxis(highestOf(panel.series, chart) * 1.04, 4);
  const y = (value: number) => round(top + PANEL - ratio(value, axis.top) * PANEL);
  return [
    ...axis.ticks.flatMap((tick, index) => [
      `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/>`,
      `<text class="tick value${index % 2 === 1 ? ' minor' : ''}" x="${LEFT - 10}" y="${y(tick) + 5}">${tickLabel(tick)}</text>`,
    ]),
    ...(panel.gaps ?? []).flatMap((gap) => {
      const seen = visibleSpan(gap, chart);
      if (seen === null) return [];
      const width = round(x(seen.to) - x(seen.from));
      const label = `<text class="gaplabel" x="${round(x(seen.from) + width / 2)}" y="${top + PANEL / 2 + 6}">${escape(seen.label)}</text>`;
      return [
        `<rect class="gap" x="${x(seen.from)}" y="${top}" width="${width}" height="${PANEL}"/>`,
        ...(width > seen.label.length * CHARACTER * 1.3 ? [label] : []),
      ];
    }),
    // What is filled lies behind what is not.
    ...panel.series
      .toSorted((a, b) => Number(b.kind === 'area') - Number(a.kind === 'area'))
      .flatMap((series) => seriesMarkup(series, chart, x, y)),
    `<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${top + PANEL}" y2="${top + PANEL}"/>`,
  ];
}

function panelTitle({ title, unit }: ChartPanel, top: number): string {
  const more = unit === '' ? '' : ` <tspan class="unit">${escape(unit)}</tspan>`;
  return `<text class="panel halo" x="${LEFT}" y="${top - 12}">${escape(title)}${more}</text>`;
}

/** One path for each stretch without a gap. */
function seriesMarkup(series: ChartSeries, chart: TimeChart, x: X, y: (value: number) => number): readonly string[] {
  return stretches(visiblePoints(series, chart)).flatMap((points) => {
    const path = points
      .map(({ at, value }, index) => {
        const to = `${x(at)} ${y(value)}`;
        if (index === 0) return `M${to}`;
        return series.kind === 'step' ? `H${x(at)}V${y(value)}` : `L${to}`;
      })
      .join('');
    const area = `${path}V${y(0)}H${x(points[0]!.at)}Z`;
    const filled = series.kind === 'area' ? [`<path class="area ${series.tone}" d="${area}"/>`] : [];
    return [...filled, `<path class="line ${series.tone}${series.kind === 'area' ? ' thin' : ''}" d="${path}"/>`];
  });
}

function stretches(
  points: readonly ChartPoint[],
): readonly (readonly { readonly at: number; readonly value: number }[])[] {
  const found: { at: number; value: number }[][] = [[]];
  for (const { at, value } of points) {
    if (value === null) found.push([]);
    else found.at(-1)!.push({ at, value });
  }
  return found.filter(({ length }) => length > 1);
}

function legend({ panels }: TimeChart, y: number): readonly string[] {
  let x = LEFT - 46;
  return panels
    .flatMap(({ series }) => series)
    .map((series) => {
      const swatch =
        series.kind === 'area'
          ? `<rect class="area ${series.tone} swatch" x="${x}" y="${y - 3}" width="24" height="14"/>`
          : `<line class="line ${series.tone}" x1="${x}" x2="${x + 24}" y1="${y + 4}" y2="${y + 4}"/>`;
      const text = `<text class="legend" x="${x + 32}" y="${y + 9}">${escape(series.name)}</text>`;
      x = round(x + 32 + series.name.length * CHARACTER + 26);
      return `<g class="wide">${swatch}${text}</g>`;
    });
}

interface PlacedMark {
  readonly mark: ChartMark;
  readonly number: number;
  readonly lane: number;
  /** Its label stands to the left of it, because there is no room to the right. */
  readonly left: boolean;
}

/** Each label in the first lane where it has room, so that no two lie on each other. */
function placeMarks(chart: TimeChart): readonly PlacedMark[] {
  const ends: number[] = [];
  return visibleMarks(chart).map((mark, index) => {
    const at = LEFT + ratio(mark.at - chart.from, chart.to - chart.from) * (RIGHT - LEFT);
    const length = 30 + mark.label.length * CHARACTER;
    const left = at + length > RIGHT + 20;
    const [from, to] = left ? [at - length, at + 14] : [at - 14, at + length];
    const free = ends.findIndex((end) => end < from);
    const lane = free >= 0 ? free : Math.min(ends.length, MOST_LANES - 1);
    ends[lane] = Math.max(to, ends[lane] ?? -Infinity);
    return { mark, number: index + 1, lane, left };
  });
}

function markWords(
  mark: ChartMark,
  number: number,
  { x, left }: { readonly x: number; readonly left: boolean },
  y: number,
): readonly string[] {
  return [
    `<circle class="dot ${mark.tone}" cx="${x}" cy="${y}" r="10"/>`,
    `<text class="number" x="${x}" y="${y + 4.5}">${number}</text>`,
    `<text class="marklabel wide halo${left ? ' end' : ''}" x="${round(left ? x - 15 : x + 15)}" y="${y + 5}">${escape(mark.label)}</text>`,
  ];
}

function timeAxis({ from, to, zero }: TimeChart, bottom: number, x: X): readonly string[] {
  return [
    ...timeTicks(from, to, zero, 12).map((tick, index) => {
      const label = `<text class="tick time${index % 3 === 0 ? '' : ' minor'}" x="${x(tick)}" y="${bottom + 24}">${timeLabel(tick, zero, to - from)}</text>`;
      return `<line class="axis" x1="${x(tick)}" x2="${x(tick)}" y1="${bottom}" y2="${bottom + 6}"/>${label}`;
    }),
  ];
}

const ratio = (part: number, whole: number): number => (whole > 0 && Number.isFinite(part) ? part / whole : 0);
const round = (value: number): number => Math.round(value * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that XML does not know at all are left out. */
const escape = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replace(/[&<>"]/g, (character) => ENTITIES[character]!);
