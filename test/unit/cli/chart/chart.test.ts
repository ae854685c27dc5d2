import fc from 'fast-check';
import { createColors } from 'picocolors';
import type { ChartPoint, ChartSeries, TimeChart } from '../../../../src/cli/chart/model';
import { visiblePoints } from '../../../../src/cli/chart/model';
import { tickLabel, timeLabel, timeTicks, valueAxis } from '../../../../src/cli/chart/scale';
import { svgChart } from '../../../../src/cli/chart/svg';
import { terminalChart } from '../../../../src/cli/chart/terminal';

const colors = createColors(false);
const T0 = Date.parse('2026-11-21T12:00:00Z');
const at = (seconds: number, value: number | null): ChartPoint => ({ at: T0 + seconds * 1_000, value });

const small: TimeChart = {
  title: 'Pace & wait <of a test>',
  subtitle: 'made up',
  from: T0,
  to: T0 + 40_000,
  zero: T0,
  panels: [
    {
      title: 'Pace',
      unit: 'MB/s',
      series: [
        { name: 'allowed', kind: 'step', tone: 'pace', points: [at(0, 8), at(10, 0), at(25, 4), at(35, 8)] },
        { name: 'read', kind: 'area', tone: 'read', points: [at(0, 8), at(9, 8), at(12, 0)] },
      ],
      gaps: [{ from: T0 + 10_000, to: T0 + 25_000, label: 'paused' }],
    },
    {
      title: 'Wait',
      unit: 'ms',
      series: [
        {
          name: 'p95',
          kind: 'line',
          tone: 'latency',
          points: [at(0, 5), at(5, 40), at(20, 40), at(22, null), at(24, 5), at(40, 5)],
        },
      ],
    },
  ],
  spans: [{ from: T0 + 5_000, to: T0 + 20_000, label: 'load' }],
  marks: [
    { at: T0 + 25_000, label: 'released to 4 MB/s', tone: 'faster' },
    { at: T0 + 5_000, label: 'load begins', tone: 'event' },
    { at: T0 + 10_000, label: 'paused', tone: 'slower' },
  ],
};

describe('a chart over time in a terminal', () => {
  it('has a panel for each figure, one axis of time, and the marks in order below it', () => {
    const lines = terminalChart(small, { width: 48, rows: 4, colors });
    expect(lines).toMatchInlineSnapshot(`
     [
       "     Pace MB/s",
       "  10│▂▂▂▂▂▂▂▂▂▂▂                           ▂▂▂▂▂",
       "    │███████████                           █████",
       "   5│███████████    paused      ▅▅▅▅▅▅▅▅▅▅▅█████",
       "    │███████████                ████████████████",
       "   0└───────────────────────────────────────────",
       "     Wait ms",
       "  40│    ▃█████████████████",
       "    │  ▁▆██████████████████",
       "  20│ ▄████████████████████",
       "    │▄█████████████████████   ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄",
       "   0└───────────────────────────────────────────",
       "     0 s             15 s            30 s",
       "          ▲1   ▲2              ▲3",
     ]
    `);
  });

  it('is as wide as it may be, whatever it shows', () => {
    fc.assert(
      fc.property(charts(), fc.integer({ min: 24, max: 200 }), (chart, width) => {
        const lines = terminalChart(chart, { width, colors });
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
        expect(lines.join('\n')).not.toMatch(/NaN|undefined|Infinity/);
      }),
    );
  });
});

describe('a chart over time as a drawing', () => {
  it('is well-formed, says what it shows to those who cannot see it, and leaves nothing of its words unescaped', () => {
    const svg = svgChart(small);
    expect(svg).toContain('<title id="title">Pace &amp; wait &lt;of a test&gt;</title>');
    expect(svg).toContain('made up; 5 s: load begins; 10 s: paused; 25 s: released to 4 MB/s');
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).not.toMatch(/<script|href=|url\(/);
    expect(openTags(svg)).toEqual([]);
  });

  it('draws a step as one, fills an area, and leaves a gap open', () => {
    const svg = svgChart(small);
    expect(svg.match(/class="line pace"/g)).toHaveLength(2);
    expect(svg).toMatch(/<path class="line pace" d="M74 [\d.]+H\d+(\.\d)?V[\d.]+H/);
    expect(svg.match(/<path class="line latency"/g)).toHaveLength(2);
    expect(svg).toMatch(/<path class="area read" d="M[^"]+Z"/);
  });

  it('stays within its frame and has only true figures, whatever it shows', () => {
    fc.assert(
      fc.property(charts(), (chart) => {
        const svg = svgChart(chart);
        expect(svg).not.toMatch(/NaN|undefined|Infinity|null/);
        expect(openTags(svg)).toEqual([]);
        const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number);
        for (const [, data] of svg.matchAll(/ d="([^"]+)"/g))
          for (const [, command, numbers] of data!.matchAll(/([MLHV])([\d. -]+)/g)) {
            const values = numbers!.trim().split(' ').map(Number);
            const [x, y] =
              command === 'V' ? [0, values[0]!] : command === 'H' ? [values[0]!, 0] : [values[0]!, values[1]!];
            expect(x).toBeGreaterThanOrEqual(0);
            expect(x).toBeLessThanOrEqual(width!);
            expect(y).toBeGreaterThanOrEqual(0);
            expect(y).toBeLessThanOrEqual(height!);
          }
      }),
    );
  });

  it('keeps labels of marks that are near to each other apart', () => {
    const marks = [0, 1, 2].map((second) => ({
      at: T0 + second * 1_000,
      label: 'a rather long label',
      tone: 'event' as const,
    }));
    const heights = [
      ...svgChart({ ...small, marks }).matchAll(/<circle class="dot event" cx="[\d.]+" cy="([\d.]+)"/g),
    ].map(([, y]) => y);
    expect(new Set(heights).size).toBe(3);
  });
});

describe('axes', () => {
  it.each([
    [6.9, 4, 8, 5],
    [0, 4, 1, 5],
    [1, 4, 1, 5],
    [62, 3, 75, 4],
    [Number.NaN, 4, 1, 5],
  ])('go from 0 to a round figure that is not below %s', (highest, wanted, top, ticks) => {
    const axis = valueAxis(highest, wanted);
    expect([axis.top, axis.ticks.length]).toEqual([top, ticks]);
  });

  it('have enough figures, none too many, and end at or above what they show', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e12, noNaN: true }),
        fc.integer({ min: 1, max: 8 }),
        (highest, wanted) => {
          const { top, ticks } = valueAxis(highest, wanted);
          expect(top).toBeGreaterThanOrEqual(highest * 0.999);
          expect(ticks.length).toBeGreaterThanOrEqual(2);
          expect(ticks.length).toBeLessThanOrEqual(wanted + 2);
        },
      ),
    );
  });

  it('of time count from their zero, or say the time of day', () => {
    expect(timeTicks(T0 - 3_000, T0 + 61_000, T0, 6).map((tick) => timeLabel(tick, T0, 64_000))).toEqual(['0 s', '15 s', '30 s', '45 s', '60 s']); // prettier-ignore
    const hour = timeTicks(T0, T0 + 3_600_000, null, 5).map((tick) => timeLabel(tick, null, 3_600_000));
    expect(hour).toEqual(['12:00', '12:15', '12:30', '12:45', '13:00']);
    expect(timeLabel(T0 + 125_000, T0, 600_000)).toBe('2:05');
    expect(timeTicks(T0, T0, T0, 4)).toEqual([]);
  });

  it('say figures shortly', () => {
    expect([0, 0.1 + 0.2, 2.5, 1234.5, 25_000, 3e9].map(tickLabel)).toEqual(['0', '0.3', '2.5', '1235', '25k', '3G']);
  });
});

describe('what of a series is seen', () => {
  it('takes what a step began with from before, and holds its last value', () => {
    const series: ChartSeries = { name: '', kind: 'step', tone: 'pace', points: [at(-5, 3), at(2, 1)] };
    expect(visiblePoints(series, { from: T0, to: T0 + 5_000 })).toEqual([at(0, 3), at(2, 1), at(5, 1)]);
  });

  it('turns what is no figure into a gap', () => {
    const series: ChartSeries = { name: '', kind: 'line', tone: 'pace', points: [at(1, Number.NaN), at(0, -3)] };
    expect(visiblePoints(series, { from: T0, to: T0 + 5_000 })).toEqual([at(0, 0), at(1, null)]);
  });
});

/** Names of elements that are opened and not closed. */
function openTags(svg: string): readonly string[] {
  const open: string[] = [];
  for (const [, close, name, rest] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
    if (close) expect(open.pop()).toBe(name);
    else if (!rest!.endsWith('/')) open.push(name!);
  }
  return open;
}

function charts(): fc.Arbitrary<TimeChart> {
  const instant = fc.integer({ min: T0 - 10_000, max: T0 + 100_000 });
  const value = fc.option(fc.oneof(fc.double(), fc.double({ min: 0, max: 1e6 })), { nil: null });
  const series = fc.record({
    name: fc.string({ maxLength: 20 }).map((name) => name.replace(/NaN|null|Infinity|undefined/g, '')),
    kind: fc.constantFrom('step', 'line', 'area'),
    tone: fc.constantFrom('pace', 'read', 'latency', 'other'),
    points: fc.array(fc.record({ at: instant, value }), { maxLength: 20 }),
  }) as fc.Arbitrary<ChartSeries>;
  const span = fc.record({ from: instant, to: instant, label: fc.constantFrom('load', 'paused') });
  const label = fc.constantFrom('paused', 'throttled to 4 MB/s', 'load begins & ends');
  return fc.record({
    title: fc.constant('a title'),
    subtitle: fc.constant('more'),
    from: fc.constant(T0),
    to: fc.integer({ min: T0, max: T0 + 90_000 }),
    zero: fc.constantFrom(T0, null),
    panels: fc.array(
      fc.record({
        title: fc.constant('P'),
        unit: fc.constant('ms'),
        series: fc.array(series, { maxLength: 3 }),
        gaps: fc.array(span, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
    spans: fc.array(span, { maxLength: 3 }),
    marks: fc.array(fc.record({ at: instant, label, tone: fc.constantFrom('slower', 'faster', 'event') }), {
      maxLength: 12,
    }),
  }) as fc.Arbitrary<TimeChart>;
}
