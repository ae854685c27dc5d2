/** Why a backup should not begin at the other hours of a day, as a person would say it. */
import type { KnownSignal } from './signals';
import { signalFacts } from './signals';
import { mean } from './statistics';
import { spanText, valueText } from './texts';
import { clockText, HOUR_MS } from './windows';

export type NotChosenCode =
  'protected' | 'closed' | 'deadline' | 'unknown' | 'job' | 'runsIntoJob' | 'runsInto' | 'busy' | 'asQuiet';

export interface NotChosen {
  /** A backup that begins from then on, `HH:MM`, … */
  readonly from: string;
  /** … up to then, `HH:MM`. */
  readonly to: string;
  readonly code: NotChosenCode;
  /** For people. */
  readonly text: string;
}

/** One hour of the day, over all days that are planned for. */
export interface DayHour {
  /** 0..1; null = not known on some of the days. */
  readonly load: number | null;
  /** Of the most telling signal; null = none. */
  readonly figure: { readonly signal: KnownSignal; readonly usual: number; readonly p90: number } | null;
  /** Why a backup may not begin then; null = it may. */
  readonly barred: { readonly code: 'protected' | 'closed' | 'deadline'; readonly text: string } | null;
}

export interface NotChosenInput {
  /** 24 of them. */
  readonly hours: readonly DayHour[];
  /** Of the window, in hours. */
  readonly length: number;
  /** Start that was chosen, 0..23. */
  readonly chosen: number;
  /** Starts that would have been as good. */
  readonly asQuiet: ReadonlySet<number>;
}

/** So much above the quietest hour is still quiet. */
const QUIET = 0.08;
/** A stretch that is no longer than this and stands out from quiet around it is the work of a job and not of people. */
const LONGEST_JOB = 4;
/** By how much of the range. */
const STANDS_OUT = 0.3;

interface Busy {
  readonly from: number;
  readonly length: number;
  readonly job: boolean;
}

/** In the order of the clock from the chosen start on; neighbours of one reason together. */
export function notChosen({ hours, length, chosen, asQuiet }: NotChosenInput): readonly NotChosen[] {
  const least = Math.min(...hours.flatMap(({ load }) => (load === null ? [] : [load])));
  const isBusy = (hour: number) => (hours[(hour + 24) % 24]!.load ?? 0) > least + QUIET;
  const stretches = busyStretches(isBusy, hours);
  const stretchAt = (hour: number) =>
    stretches.find(({ from, length: lasts }) => (hour - from + 48) % 24 < lasts) ?? null;
  const found: { code: NotChosenCode; key: string; hour: number; text: (from: number, count: number) => string }[] = [];
  for (let ahead = 0; ahead < 24; ahead += 1) {
    const hour = (chosen + ahead) % 24;
    if (hour === chosen) continue;
    const { load, barred } = hours[hour]!;
    if (barred !== null) {
      found.push({ ...barred, key: barred.text, hour, text: () => barred.text });
      continue;
    }
    if (asQuiet.has(hour)) {
      found.push({ code: 'asQuiet', key: '', hour, text: () => 'as quiet, with less room before or after' });
      continue;
    }
    const met = Array.from({ length }, (_, later) => (hour + later) % 24);
    const unknown = met.some((one) => hours[one]!.load === null);
    if (load === null || unknown) {
      found.push({ code: 'unknown', key: '', hour, text: () => 'not known yet' });
      continue;
    }
    const own = stretchAt(hour);
    if (own !== null) {
      const code = own.job ? 'job' : 'busy';
      found.push({ code, key: `${own.from}`, hour, text: (from, count) => busyText(hours, own, from, count) });
      continue;
    }
    const into = met.map(stretchAt).find((stretch) => stretch !== null) ?? null;
    if (into === null) {
      found.push({ code: 'busy', key: 'some', hour, text: (from, count) => loadText(hours, from, count) });
      continue;
    }
    const time = `${clockText(into.from * 60)}–${clockText((into.from + into.length) * 60)}`;
    const room = `less than the ${spanText(length * HOUR_MS)} that are needed until `;
    found.push({
      code: into.job ? 'runsIntoJob' : 'runsInto',
      key: `${into.from}`,
      hour,
      text: () => (into.job ? `${room}the job of ${time}` : `${room}the busy time of ${time}`),
    });
  }
  return merged(found);
}

function merged(
  found: readonly {
    readonly code: NotChosenCode;
    readonly key: string;
    readonly hour: number;
    readonly text: (from: number, count: number) => string;
  }[],
): readonly NotChosen[] {
  const ranges: { first: (typeof found)[number]; count: number }[] = [];
  for (const one of found) {
    const last = ranges.at(-1);
    const follows = last && (last.first.hour + last.count) % 24 === one.hour;
    if (follows && last.first.code === one.code && last.first.key === one.key) last.count += 1;
    else ranges.push({ first: one, count: 1 });
  }
  return ranges.map(({ first: { code, hour, text }, count }) => ({
    from: clockText(hour * 60),
    to: clockText((hour + count) * 60),
    code,
    text: text(hour, count),
  }));
}

function busyStretches(isBusy: (hour: number) => boolean, hours: readonly DayHour[]): readonly Busy[] {
  const stretches: Busy[] = [];
  for (let from = 0; from < 24; from += 1) {
    if (!isBusy(from) || isBusy(from - 1)) continue;
    let length = 1;
    while (length < 24 && isBusy(from + length)) length += 1;
    const loads = Array.from({ length }, (_, ahead) => hours[(from + ahead) % 24]!.load ?? 0);
    const around = Math.max(...[from - 1, from + length].map((hour) => hours[(hour + 24) % 24]!.load ?? 0));
    stretches.push({ from, length, job: length <= LONGEST_JOB && Math.max(...loads) - around >= STANDS_OUT });
  }
  return stretches;
}

function busyText(hours: readonly DayHour[], { job, length, from: begins }: Busy, from: number, count: number): string {
  if (!job) return loadText(hours, from, count);
  const around = [begins - 1, begins + length].map((hour) => hours[(hour + 24) % 24]!);
  const those = spanOf(hours, from, count);
  return `busy in the middle of a quiet time, as by a job: ${figureText(those, 'p90')}, ${figureOf(around, 'p90')} around it`;
}

const loadText = (hours: readonly DayHour[], from: number, count: number): string =>
  `busier: ${figureText(spanOf(hours, from, count), 'usual')}`;

const spanOf = (hours: readonly DayHour[], from: number, count: number): readonly DayHour[] =>
  Array.from({ length: count }, (_, ahead) => hours[(from + ahead) % 24]!);

function figureText(those: readonly DayHour[], which: 'usual' | 'p90'): string {
  const signal = those.find(({ figure }) => figure !== null)?.figure?.signal;
  const upTo = those.length > 1 && which === 'p90' ? 'up to ' : '';
  return signal === undefined
    ? figureOf(those, which)
    : `${signalFacts(signal).label} ${upTo}${figureOf(those, which)}`;
}

/** Of a job what it reaches, of people what is usual among them. */
function figureOf(those: readonly DayHour[], which: 'usual' | 'p90'): string {
  const figures = those.flatMap(({ figure }) => (figure === null ? [] : [figure]));
  if (figures.length === 0) return `load ${Math.round(mean(those.map(({ load }) => load ?? 0)) * 100)} %`;
  const values = figures.map((figure) => figure[which]);
  return valueText(which === 'p90' ? Math.max(...values) : mean(values), signalFacts(figures[0]!.signal).unit);
}
