import { createColors } from 'picocolors';
import type { LoadEvent } from '../../../../../src/catalog/load-types';
import { svgChart } from '../../../../../src/cli/chart/svg';
import { terminalChart } from '../../../../../src/cli/chart/terminal';
import { runChart, type RunChartFacts } from '../../../../../src/cli/commands/load/run-chart';

const minute = (count: number) => new Date(Date.parse('2026-11-21T12:00:00Z') + count * 60_000);
const pace = (at: number, word: string, maxBytesPerSecond: number | null): LoadEvent => ({
  database: 'shop',
  at: minute(at),
  kind: 'pace',
  word,
  backupId: 'b',
  maxBytesPerSecond,
  readers: null,
  uploads: null,
  setBy: 'load watch',
  reasons: [],
});
const sample = (at: number, signals: Readonly<Record<string, number>>) => ({
  database: 'shop',
  backupId: 'b',
  at: minute(at).getTime(),
  source: 'postgres',
  signals,
});
const facts: RunChartFacts = {
  database: 'shop',
  backupId: '20261121T120000Z-full-0a1b2c3d',
  startedAt: minute(0),
  end: minute(10),
  // Newest first, as the catalogue gives them.
  events: [
    pace(8, 'full', null),
    pace(6, 'limited', 4e6),
    pace(3, 'paused', 4e6),
    pace(1, 'limited', 8e6),
    { ...pace(2, 'x', 1), kind: 'alert' },
  ],
  samples: [0, 2, 4, 6, 8, 10].map((at) => sample(at, { statementMeanMs: 1, probeLatencyMs: at === 2 ? 30 : 2 })),
};

describe('one backup over time', () => {
  it('has its pace, with twice the fastest limit for a full one, until it ends', () => {
    const [paces, felt] = runChart(facts).panels;
    expect(paces!.series[0]!.points.map(({ at, value }) => [(at - minute(0).getTime()) / 60_000, value])).toEqual([
      [0, 16],
      [1, 8],
      [3, 0],
      [6, 4],
      [8, 16],
      [10, null],
    ]);
    expect(paces!.gaps).toEqual([{ from: minute(3).getTime(), to: minute(6).getTime(), label: 'paused' }]);
    expect(felt).toMatchObject({ title: 'Probe query', unit: 'ms' });
    expect(felt!.series[0]!.points).toHaveLength(6);
  });

  it('says what changed the pace, and nothing of alerts', () => {
    expect(runChart(facts).marks.map(({ label, tone }) => [label, tone])).toEqual([
      ['8 MB/s', 'slower'],
      ['paused', 'slower'],
      ['4 MB/s', 'faster'],
      ['full pace', 'faster'],
    ]);
  });

  it('is drawn too when nothing was measured and nothing changed', () => {
    const chart = runChart({ ...facts, events: [], samples: [], end: minute(0) });
    expect(chart.panels).toMatchObject([{ unit: '% of full' }]);
    expect(svgChart(chart)).not.toMatch(/NaN|undefined/);
    expect(terminalChart(chart, { width: 80, colors: createColors(false) }).join('\n')).not.toMatch(/NaN|undefined/);
  });
});
