/** One backup over time: the pace that it was given beside what the database's users felt. Pure. */
import type { LoadEvent, LoadSampleRow } from '../../../catalog/load-types';
import { parseSeriesKey, type SeriesKey } from '../../../domain/load/series';
import { signalFacts, type SignalName } from '../../../domain/load/signals';
import type { ChartMark, ChartPanel, TimeChart } from '../../chart/model';

export interface RunChartFacts {
  readonly database: string;
  readonly backupId: string;
  readonly startedAt: Date;
  /** Now, while it runs. */
  readonly end: Date;
  readonly events: readonly LoadEvent[];
  readonly samples: readonly LoadSampleRow[];
}

const MB = 1e6;
/** What users feel, the nearest to them first. */
const FELT: readonly SignalName[] = ['httpLatencyMs', 'probeLatencyMs', 'statementMeanMs'];
/** Shown before and after, of the time that the backup took. */
const AROUND = 0.1;

export function runChart({ database, backupId, startedAt, end, events, samples }: RunChartFacts): TimeChart {
  const [from, to] = [startedAt.getTime(), Math.max(end.getTime(), startedAt.getTime() + 1_000)];
  const around = (to - from) * AROUND;
  const pace = pacePanel(events, from, to);
  const felt = feltPanel(samples);
  return {
    title: `${database}: the pace of a backup, and what its users felt`,
    subtitle: backupId,
    from: from - around,
    to: to + around,
    zero: null,
    panels: felt === null ? [pace] : [pace, felt],
    spans: [{ from, to, label: 'backup' }],
    marks: marksOf(events),
  };
}

const pacesOf = (events: readonly LoadEvent[]) =>
  events.filter(({ kind }) => kind === 'pace').toSorted((a, b) => a.at.getTime() - b.at.getTime());

/** A full pace has no rate: it is drawn as twice the fastest limit, since the first step down is half of what was measured. */
function pacePanel(events: readonly LoadEvent[], from: number, to: number): ChartPanel {
  const paces = pacesOf(events);
  const fastest = Math.max(
    0,
    ...paces.map(({ word, maxBytesPerSecond }) => (word === 'paused' ? 0 : (maxBytesPerSecond ?? 0))),
  );
  const full = fastest > 0 ? (fastest * 2) / MB : 100;
  const points = paces.map(({ at, word, maxBytesPerSecond }) => ({
    at: at.getTime(),
    value: word === 'paused' ? 0 : maxBytesPerSecond === null ? full : maxBytesPerSecond / MB,
  }));
  const gaps = paces.flatMap(({ at, word }, index) => {
    if (word !== 'paused') return [];
    return [{ from: at.getTime(), to: Math.min(to, paces[index + 1]?.at.getTime() ?? to), label: 'paused' }];
  });
  return {
    title: 'Pace',
    unit: fastest > 0 ? 'MB/s' : '% of full',
    series: [
      {
        name: fastest > 0 ? 'pace allowed, MB/s' : 'pace allowed, % of full',
        kind: 'step',
        tone: 'pace',
        points: [{ at: from, value: full }, ...points, { at: to, value: null }],
      },
    ],
    gaps,
  };
}

function feltPanel(samples: readonly LoadSampleRow[]): ChartPanel | null {
  const keys = [
    ...new Set(samples.flatMap(({ source, signals }) => Object.keys(signals).map((name) => `${source}/${name}`))),
  ];
  const signalOf = (key: string) => parseSeriesKey(key as SeriesKey)?.signal;
  const found = FELT.flatMap((signal) => keys.filter((key) => signalOf(key) === signal))[0];
  if (found === undefined) return null;
  const signal = signalOf(found)!;
  const points = samples.flatMap((sample) => {
    const value = sample.signals[signal];
    return value === undefined || `${sample.source}/${signal}` !== found ? [] : [{ at: sample.at, value }];
  });
  const { label } = signalFacts(signal);
  return {
    title: `${label[0]!.toUpperCase()}${label.slice(1)}`,
    unit: 'ms',
    series: [{ name: `${found}, ms`, kind: 'line', tone: 'latency', points }],
  };
}

function marksOf(events: readonly LoadEvent[]): readonly ChartMark[] {
  const rateOf = ({ word, maxBytesPerSecond }: LoadEvent) => (word === 'paused' ? 0 : (maxBytesPerSecond ?? Infinity));
  return pacesOf(events).flatMap((event, index, all): readonly ChartMark[] => {
    const before = all[index - 1] === undefined ? Infinity : rateOf(all[index - 1]!);
    const rate = rateOf(event);
    if (rate === before) return [];
    const label =
      rate === 0 ? 'paused' : rate === Infinity ? 'full pace' : `${Number((rate / MB).toPrecision(2))} MB/s`;
    return [{ at: event.at.getTime(), label, tone: rate < before ? 'slower' : 'faster' }];
  });
}
