/** Which signals are over their limits, with hysteresis: over at once, released only when it stayed good for a while. */
import { levelOf, thresholdsOf, type SignalLevel, type SignalLimit, type Thresholds, type Usual } from './limits';
import type { PolicyTiming } from './rules';
import { parseSeriesKey, type Point, type SeriesKey } from './series';
import { signalFacts, type SignalName } from './signals';
import { valueText } from './texts';

/** What a series is held to until it is released. */
export interface LevelMemory {
  readonly level: 'throttle' | 'pause';
  /** When its newest sample was taken. Milliseconds since the epoch. */
  readonly seenAt: number;
}

export interface JudgedSeries {
  readonly key: SeriesKey;
  readonly signal: SignalName;
  readonly source: string;
  readonly level: SignalLevel;
  /** 0 at `throttle`, 1 at `pause`; how far a breach went. */
  readonly severity: number;
  /** It has a fresh sample and a limit that can be judged. */
  readonly valid: boolean;
  readonly value: number;
  readonly thresholds: Thresholds;
  /** "probe query 14 ms, from 12 ms on it slows down (usual 10 ms)". */
  readonly text: string;
  readonly hard: boolean;
}

export interface Judgement {
  readonly series: readonly JudgedSeries[];
  /** Fresh limited series. */
  readonly valid: number;
  /** To give back next time. Only those that are over. */
  readonly memory: Readonly<Record<string, LevelMemory>>;
}

export interface JudgeInput {
  readonly now: number;
  readonly series: ReadonlyMap<SeriesKey, readonly Point[]>;
  readonly limits: readonly SignalLimit[];
  readonly usual: (key: SeriesKey) => Usual | null;
  readonly memory: Readonly<Record<string, LevelMemory>>;
  readonly timing: PolicyTiming;
}

const RANK: Readonly<Record<SignalLevel, number>> = { clear: 0, hold: 1, throttle: 2, pause: 3 };
export const worse = (a: SignalLevel, b: SignalLevel): SignalLevel => (RANK[a] >= RANK[b] ? a : b);
const milder = (a: SignalLevel, b: SignalLevel): SignalLevel => (RANK[a] <= RANK[b] ? a : b);

export function judge(input: JudgeInput): Judgement {
  const { now, series, limits, usual, timing } = input;
  const bySignal = new Map(limits.map((limit) => [limit.signal, limit]));
  const judged: JudgedSeries[] = [];
  const memory: Record<string, LevelMemory> = {};
  const keys = new Set([...series.keys(), ...(Object.keys(input.memory) as SeriesKey[])]);
  for (const key of keys) {
    const parsed = parseSeriesKey(key);
    const limit = parsed === null ? undefined : bySignal.get(parsed.signal);
    if (parsed === null || limit === undefined) continue;
    const known = usual(key);
    const thresholds = thresholdsOf(limit, known);
    if (thresholds === null) continue;
    const points = series.get(key) ?? [];
    const held = input.memory[key];
    const last = points.at(-1);
    const seenAt = Math.min(now, last?.at ?? held?.seenAt ?? 0);
    const base = { key, ...parsed, thresholds, hard: limit.hard === true };
    if (last === undefined || last.at < now - timing.staleMs) {
      // Silence is no proof that it fell: what was over when it went silent is held for a while.
      if (held === undefined || now - seenAt > timing.forgetMs) continue;
      memory[key] = { level: held.level, seenAt };
      const text = `${signalFacts(parsed.signal).label} is not measured any more and was over its limit`;
      const level = held.level === 'pause' ? 'pause' : 'hold';
      judged.push({ ...base, level, severity: 0, valid: false, value: last?.value ?? 0, text });
      continue;
    }
    const { level, next } = withHysteresis(parsed.signal, points, thresholds, held?.level, now, timing);
    if (next !== null) memory[key] = { level: next, seenAt };
    judged.push({
      ...base,
      level,
      severity: severityOf(parsed.signal, last.value, thresholds),
      valid: true,
      value: last.value,
      text: describe(parsed.signal, last.value, thresholds, level, limit.relative ? known : null),
    });
  }
  judged.sort((a, b) => RANK[b.level] - RANK[a.level] || b.severity - a.severity || (a.key < b.key ? -1 : 1));
  return { series: judged, valid: judged.filter(({ valid }) => valid).length, memory };
}

/** One sample over a limit may be chance: it takes two in a row to slow down, and a single first one only holds. */
function withHysteresis(
  signal: SignalName,
  points: readonly Point[],
  thresholds: Thresholds,
  held: LevelMemory['level'] | undefined,
  now: number,
  timing: PolicyTiming,
): { readonly level: SignalLevel; readonly next: LevelMemory['level'] | null } {
  const levels = points.map(({ value }) => levelOf(signal, value, thresholds));
  const [last, before] = [levels.at(-1)!, levels.at(-2) ?? 'hold'];
  const seen = milder(last, before);
  if (seen === 'pause' || (seen === 'throttle' && held === 'pause')) return { level: 'pause', next: 'pause' };
  if (seen === 'throttle') return { level: 'throttle', next: 'throttle' };
  if (held === undefined) return { level: last === 'clear' ? 'clear' : 'hold', next: null };
  if (stayedClear(points, levels, now, timing.releaseAfterMs)) return { level: 'clear', next: null };
  return { level: held === 'pause' ? 'pause' : 'hold', next: held };
}

function stayedClear(
  points: readonly Point[],
  levels: readonly SignalLevel[],
  now: number,
  releaseAfterMs: number,
): boolean {
  const lastBad = levels.findLastIndex((level) => level !== 'clear');
  if (levels.length - 1 - lastBad < 2) return false;
  const clearSince = points[lastBad + 1]!.at;
  return now - clearSince >= releaseAfterMs;
}

function severityOf(signal: SignalName, value: number, { throttle, pause }: Thresholds): number {
  if (!Number.isFinite(pause)) return 0;
  const sign = signalFacts(signal).worse === 'lower' ? -1 : 1;
  return Math.min(1, Math.max(0, ((value - throttle) * sign) / ((pause - throttle) * sign)));
}

function describe(
  signal: SignalName,
  value: number,
  { throttle, pause, release }: Thresholds,
  level: SignalLevel,
  usual: Usual | null,
): string {
  const { label, unit, worse: direction } = signalFacts(signal);
  const text = (number: number) => valueText(number, unit);
  const beyond = direction === 'lower' ? 'under' : 'over';
  const short = direction === 'lower' ? 'not yet over' : 'not yet under';
  const known = usual === null ? '' : ` (usual ${text(usual.median)})`;
  const over = levelOf(signal, value, { throttle, pause, release });
  if (over === 'pause') return `${label} ${text(value)} is ${beyond} the pause limit ${text(pause)}${known}`;
  if (over === 'throttle') return `${label} ${text(value)} is ${beyond} the limit ${text(throttle)}${known}`;
  if (level === 'clear') return `${label} ${text(value)} is well within its limit ${text(throttle)}${known}`;
  if (over === 'clear') return `${label} ${text(value)} fell, and is watched until it stays there`;
  return `${label} ${text(value)} is ${short} ${text(release)}${known}`;
}
