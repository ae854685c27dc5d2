/** What a backup cost the database's users: before, during and after it, and how sure that is. */
import type { Interval } from './rollups';
import { parseSeriesKey, seriesOf, type Point, type SeriesKey } from './series';
import { signalFacts, type KnownSignal, type LoadSample, type SignalName } from './signals';
import { chanceOfDifference, median, quantile } from './statistics';
import { valueText } from './texts';

export interface PhaseFigures {
  readonly median: number;
  /** Of 100 samples 95 stay below. */
  readonly p95: number;
  readonly samples: number;
}

export interface SignalImpact {
  readonly key: SeriesKey;
  readonly source: string;
  readonly signal: SignalName;
  readonly before: PhaseFigures | null;
  readonly during: PhaseFigures | null;
  readonly after: PhaseFigures | null;
  /** Of the median, during against before: 0.2 = 20 % more. Null without both, or from zero. */
  readonly change: number | null;
  /** `worse` and `better` only where it can be told from chance. */
  readonly verdict: 'worse' | 'better' | 'same' | 'unknown';
  readonly sureness: 'low' | 'medium' | 'high';
  /** For people: "probe query 12 ms against 10 ms before (+20 %)". */
  readonly text: string;
}

/** What people ask about. */
export type ImpactArea = 'latency' | 'CPU' | 'locks' | 'I/O';
const AREAS: Readonly<Record<ImpactArea, readonly KnownSignal[]>> = {
  // What users feel first; what says the same from further away after it.
  latency: ['httpLatencyMs', 'probeLatencyMs', 'statementMeanMs', 'replicationLagMs'],
  CPU: ['backendCpuWaitMs', 'hostCpu', 'containerCpu', 'hostLoad'],
  locks: ['waitersBehindUs', 'lockWaiters', 'sessionsWaiting'],
  'I/O': ['hostIoWait', 'ioReadMs', 'ioWriteMs', 'diskBytesPerSecond', 'blocksReadPerSecond'],
};

export interface AreaImpact {
  readonly area: ImpactArea;
  readonly verdict: SignalImpact['verdict'];
  readonly sureness: SignalImpact['sureness'];
  /** For people. */
  readonly text: string;
}

export interface ImpactReport {
  readonly from: number;
  readonly to: number;
  /** The worst first. */
  readonly signals: readonly SignalImpact[];
  readonly areas: readonly AreaImpact[];
  /** Of the report as a whole: that of its surest signal. */
  readonly sureness: 'low' | 'medium' | 'high';
  /** One line for people. */
  readonly text: string;
}

export interface ImpactOptions {
  /** How long before and after are looked at. @default 30 min */
  readonly aroundMs?: number;
  /** What follows the end at once belongs to neither. @default 1 min */
  readonly aftermathMs?: number;
}

/** Samples that follow each other closely say the same twice; those of the rhythm of records, 10 s, count as their own. */
const APART_MS = 8_000;
/** Smaller differences than this matter to nobody, however sure they are. */
const NOTABLE = 0.02;

/** `paused`: times in which the backup stood still; they say nothing about its cost. */
export function impactReport(
  samples: readonly LoadSample[],
  backup: Interval,
  paused: readonly Interval[] = [],
  options: ImpactOptions = {},
): ImpactReport {
  const { aroundMs = 1_800_000, aftermathMs = 60_000 } = options;
  const series = seriesOf(samples, { from: backup.from - aroundMs - 1, to: backup.to + aftermathMs + aroundMs });
  const stood = ({ at }: Point) => paused.some(({ from, to }) => at >= from && at < to);
  const signals = [...series].flatMap(([key, points]): SignalImpact[] => {
    const parsed = parseSeriesKey(key);
    if (parsed === null) return [];
    const before = apart(points.filter(({ at }) => at < backup.from));
    const during = apart(points.filter((point) => point.at >= backup.from && point.at < backup.to && !stood(point)));
    const after = apart(points.filter(({ at }) => at >= backup.to + aftermathMs));
    return [impactOf(key, parsed, before, during, after)];
  });
  const order = { worse: 0, unknown: 1, same: 2, better: 3 } as const;
  signals.sort(
    (a, b) => order[a.verdict] - order[b.verdict] || (b.change ?? 0) - (a.change ?? 0) || (a.key < b.key ? -1 : 1),
  );
  const areas = (Object.keys(AREAS) as ImpactArea[]).map((area) => areaOf(area, signals));
  const worse = areas.filter(({ verdict }) => verdict === 'worse');
  const sureness = (['high', 'medium'] as const).find((level) => signals.some((signal) => signal.sureness === level));
  return {
    ...backup,
    signals,
    areas,
    sureness: sureness ?? 'low',
    text:
      signals.length === 0
        ? 'nothing was measured'
        : worse.length > 0
          ? worse.map(({ text }) => text).join('; ')
          : areas.every(({ verdict }) => verdict === 'unknown')
            ? 'too little was measured to tell'
            : 'nothing that users feel became worse in a way that can be told from chance',
  };
}

/** The first of its signals that became worse; else the first that was measured well enough. */
function areaOf(area: ImpactArea, signals: readonly SignalImpact[]): AreaImpact {
  const of = AREAS[area].flatMap((name) => signals.filter(({ signal }) => signal === name));
  const told =
    of.find(({ verdict }) => verdict === 'worse') ?? of.find(({ verdict }) => verdict !== 'unknown') ?? of[0];
  if (told === undefined) return { area, verdict: 'unknown', sureness: 'low', text: 'not measured' };
  const { verdict, sureness, text } = told;
  return { area, verdict, sureness, text: verdict === 'unknown' ? `${text}: too few samples to tell` : text };
}

function impactOf(
  key: SeriesKey,
  { source, signal }: { readonly source: string; readonly signal: SignalName },
  before: readonly number[],
  during: readonly number[],
  after: readonly number[],
): SignalImpact {
  const { worse: direction, label, unit } = signalFacts(signal);
  const phases = { before: figures(before), during: figures(during), after: figures(after) };
  const base = { key, source, signal, ...phases };
  if (phases.before === null || phases.during === null)
    return {
      ...base,
      change: null,
      verdict: 'unknown',
      sureness: 'low',
      text: `${label}: not measured before and during`,
    };
  const [was, is] = [phases.before.median, phases.during.median];
  const change = was === 0 ? (is === 0 ? 0 : null) : (is - was) / was;
  const chance = chanceOfDifference(before, during);
  const least = Math.min(before.length, during.length);
  // What goes away with the backup was its doing; what stays may have been anything.
  const wentAway = phases.after !== null && Math.abs(phases.after.median - was) < Math.abs(is - was) / 2;
  const differs = chance < 0.05 && least >= 8 && (change === null || Math.abs(change) >= NOTABLE);
  const up = is > was;
  const verdict = direction === 'neither' || !differs ? 'same' : (direction === 'higher') === up ? 'worse' : 'better';
  const sureness =
    least < 8
      ? 'low'
      : verdict === 'same'
        ? least >= 30
          ? 'high'
          : 'medium'
        : chance < 0.001 && least >= 20 && wentAway
          ? 'high'
          : wentAway
            ? 'medium'
            : 'low';
  const percent = change === null ? '' : ` (${change >= 0 ? '+' : ''}${Math.round(change * 100)} %)`;
  return {
    ...base,
    change,
    verdict: least < 8 ? 'unknown' : verdict,
    sureness,
    text: `${label} ${valueText(is, unit)} against ${valueText(was, unit)} before${percent}`,
  };
}

function figures(values: readonly number[]): PhaseFigures | null {
  if (values.length === 0) return null;
  return { median: median(values)!, p95: quantile(values, 0.95)!, samples: values.length };
}

function apart(points: readonly Point[]): readonly number[] {
  let last = -Infinity;
  return points.flatMap(({ at, value }) => {
    if (at - last < APART_MS) return [];
    last = at;
    return [value];
  });
}
