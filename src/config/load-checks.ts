/** What the fields of `load` demand of each other, and of the rest of the configuration. */
import type { z } from 'zod';
import { limitFaults } from '../domain/load/limits';
import { openMinutes } from '../domain/load/calendar';
import { isSignalName, KNOWN_SIGNALS, signalFacts, type SignalName } from '../domain/load/signals';
import { minutesOf, MINUTES_OF_DAY, spansOf, windowText, type WeeklyWindow } from '../domain/load/windows';
import type { LoadRules } from '../domain/load/rules';
import { didYouMean } from './did-you-mean';
import type { ConfigPath, Finding } from './fault';
import type { AmountUnit } from './load-fields';
import { effectiveLoad, isRelative, laxer, loadRulesOf } from './load-rules';
import { databaseLoadSchema, loadSchema, type DatabaseLoadConfig, type LoadConfig } from './load-schema';

type Report = (path: ConfigPath, message: string, hint?: string | null) => void;

/** A schedule, as far as a deadline is concerned. */
interface Scheduled {
  readonly at?: string | undefined;
  readonly every?: string | undefined;
  readonly timezone?: string | undefined;
}

interface Checked {
  readonly load?: DatabaseLoadConfig | undefined;
  readonly schedules: readonly Scheduled[];
}

/** Slower, and a sample of half a minute ago would decide; faster, and sampling itself would be the load. */
const LONGEST_EVERY_MS = 30_000;
const SHORTEST_EVERY_MS = 100;

/** Of a configuration whose fields are right each by itself. */
export function loadChecks(root: LoadConfig, databases: readonly Checked[]): readonly Finding[] {
  const findings: Finding[] = [];
  const fault = reporter(findings);
  ownChecks(root, ['load'], fault);
  const { samples, minutes, hours, days } = root.keep;
  if (!(samples <= minutes && minutes <= hours && hours <= days))
    fault(['load', 'keep'], 'samples, minutes, hours and days must each be kept no longer than the next');
  ruleChecks(root, { schedules: [] }, () => ['load'], fault);
  databases.forEach((database, d) => {
    const own = ['databases', d, 'load'];
    if (database.load) ownChecks(database.load, own, fault);
    // A fault is shown where its field is written.
    const place = (field: keyof LoadConfig, signal?: string): ConfigPath => {
      const written: unknown = database.load?.[field as keyof DatabaseLoadConfig];
      const limits = field === 'peak' ? database.load?.peak?.limits : written;
      const found = signal === undefined ? written : (limits as Record<string, unknown> | undefined)?.[signal];
      return found === undefined ? ['load'] : own;
    };
    ruleChecks(root, database, place, fault);
  });
  return findings;
}

/** Of a file that has other faults as well: skips what cannot be read, and what the unread might change. */
export function writtenLoadChecks(written: unknown): readonly Finding[] {
  const list = field(written, 'databases');
  const sections = [written, ...(Array.isArray(list) ? (list as readonly unknown[]) : [])];
  // The defaults contradict nothing.
  if (sections.every((section) => field(section, 'load') === undefined)) return [];
  const root = readable(loadSchema, field(written, 'load') ?? {});
  const databases = (Array.isArray(list) ? list : []).map((database: unknown) => ({
    load: readable(databaseLoadSchema, field(database, 'load') ?? {}),
    schedules: schedulesOf(database),
  }));
  if (root.whole && databases.every(({ load }) => load.whole))
    return loadChecks(
      root.value!,
      databases.map(({ load, schedules }) => ({ load: load.value ?? undefined, schedules })),
    );
  const findings: Finding[] = [];
  const fault = reporter(findings);
  if (root.value) ownChecks(root.value, ['load'], fault);
  databases.forEach(({ load }, d) => load.value && ownChecks(load.value, ['databases', d, 'load'], fault));
  return findings;
}

/** As much of a section as can be read: fields with faults of their own are left out. `whole`: nothing was. */
function readable<T>(schema: z.ZodType<T>, written: unknown): { readonly value: T | null; readonly whole: boolean } {
  const first = schema.safeParse(written);
  if (first.success) return { value: first.data, whole: true };
  if (typeof written !== 'object' || written === null) return { value: null, whole: false };
  const faulty = new Set(
    first.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0])])),
  );
  const rest = Object.fromEntries(Object.entries(written).filter(([key]) => !faulty.has(key)));
  const second = schema.safeParse(rest);
  return { value: second.success ? second.data : null, whole: false };
}

function schedulesOf(database: unknown): readonly Scheduled[] {
  const schedules = field(database, 'schedules');
  if (!Array.isArray(schedules)) return [];
  return schedules.map((schedule: unknown) => ({
    at: text(field(schedule, 'at')),
    every: text(field(schedule, 'every')),
    timezone: text(field(schedule, 'timezone')),
  }));
}

const reporter =
  (findings: Finding[]): Report =>
  (path, message, hint = null) =>
    void findings.push({ path, at: 'value', message, hint });

/** Of one section by itself. */
function ownChecks(load: DatabaseLoadConfig, path: ConfigPath, fault: Report): void {
  for (const [where, limits] of [
    [[...path, 'limits'], load.limits],
    [[...path, 'peak', 'limits'], load.peak?.limits],
  ] as const)
    for (const [signal, limit] of Object.entries(limits ?? {})) {
      if (!isSignalName(signal)) {
        const meant = didYouMean(signal, KNOWN_SIGNALS);
        const hint = meant ? `Did you mean ${meant}?` : 'Those of queries are named prometheus:NAME';
        fault([...where, signal], `${signal} is not a signal`, hint);
      } else if (limit !== 'off') {
        mixed(limit, [...where, signal], fault);
        inItsUnit(signal, limit, [...where, signal], fault);
      }
    }
  aboveZero(load, path, fault);
  for (const key of ['windows', 'protected'] as const)
    load[key]?.forEach((window, index) => neverOpens(window, [...path, key, index], fault));
  load.peak?.windows.forEach((window, index) => neverOpens(window, [...path, 'peak', 'windows', index], fault));
  if (load.deadline && (load.deadline.doneBy === undefined) === (load.deadline.within === undefined))
    fault([...path, 'deadline'], 'state exactly one of doneBy and within');
  for (const key of ['http', 'prometheus'] as const) {
    const names = load.samplers?.[key].map(({ name }) => name) ?? [];
    names.forEach((name, index) => {
      if (names.indexOf(name) < index)
        fault([...path, 'samplers', key, index, 'name'], `the name ${name} is used twice`);
    });
  }
}

/** A pace without bytes would be a pause without an end, a rhythm without a rest would never rest. */
function aboveZero(load: DatabaseLoadConfig, path: ConfigPath, fault: Report): void {
  const fields: readonly (readonly [ConfigPath, number | undefined])[] = [
    ...(['idleEvery', 'timeout', 'maxRate', 'minRate'] as const).map((key) => [[key], load[key]] as const),
    [['safePace', 'maxRate'], load.safePace?.maxRate],
    [['breaker', 'openFor'], load.breaker?.openFor],
    [['deadline', 'within'], load.deadline?.within],
    ...(['http', 'prometheus'] as const).flatMap((key) =>
      (load.samplers?.[key] ?? []).map(({ timeout }, index) => [['samplers', key, index, 'timeout'], timeout] as const),
    ),
  ];
  for (const [own, value] of fields)
    if (value !== undefined && value <= 0) fault([...path, ...own], 'must be above zero');
}

type WrittenLimit = Exclude<LoadConfig['limits'][string], 'off'>;

function mixed(limit: WrittenLimit, path: ConfigPath, fault: Report): void {
  if (isRelative(limit) !== true) return;
  for (const key of ['throttle', 'pause', 'release'] as const) {
    const amount = limit[key];
    if (typeof amount === 'object' && amount.relative !== true)
      fault([...path, key], 'throttle, pause and release are all relative (+20%), or none of them is');
  }
}

const UNIT_WORDS: Readonly<Record<AmountUnit, string>> = { share: 'a share', ms: 'a duration', bytes: 'a size' };

/** 50 % of a latency, and 200 ms of a CPU, are slips that would limit at something else than was meant. */
function inItsUnit(signal: SignalName, limit: WrittenLimit, path: ConfigPath, fault: Report): void {
  const { unit } = signalFacts(signal);
  const known: AmountUnit | null =
    unit === 'share' || unit === 'ms' ? unit : unit === 'bytes' || unit === 'bytesPerSecond' ? 'bytes' : null;
  for (const key of ['throttle', 'pause', 'release', 'least'] as const) {
    const amount = limit[key];
    if (typeof amount !== 'object' || amount.unit === null || unit === 'any' || amount.unit === known) continue;
    // Cores are counted in shares too: 150 % is one and a half.
    if (unit === 'perCore' && amount.unit === 'share') continue;
    const wanted = known === null ? 'a plain number' : UNIT_WORDS[known];
    const hint =
      known === 'ms' && amount.unit === 'share' ? 'With a plus sign (+50%) it is relative to what is usual' : null;
    fault([...path, key], `${signal} is ${wanted}, and ${UNIT_WORDS[amount.unit]} is written`, hint);
  }
}

function neverOpens(window: WeeklyWindow, path: ConfigPath, fault: Report): void {
  if (window.from === window.to)
    fault([...path, 'to'], `the window ${windowText(window)} never opens`, 'For a whole day write 00:00 to 24:00');
}

/** Of the rules that hold for one database in the end. */
function ruleChecks(
  root: LoadConfig,
  database: Checked,
  place: (field: keyof LoadConfig, signal?: string) => ConfigPath,
  fault: Report,
): void {
  const rules = loadRulesOf(root, { load: database.load, readers: 1, pauseBudget: 0 }, { segmentsInFlight: 1 });
  const { limits, peak } = rules;
  for (const limit of limits)
    for (const { field, message } of limitFaults(limit))
      fault([...place('limits', limit.signal), 'limits', limit.signal, field], message);
  for (const limit of peak.limits) {
    const path = [...place('peak', limit.signal), 'peak', 'limits', limit.signal];
    for (const { field, message } of limitFaults(limit)) fault([...path, field], message);
    const always = limits.find(({ signal }) => signal === limit.signal);
    if (always && laxer(limit, always))
      fault(
        [...path, 'throttle'],
        `the limit of peak hours (${limit.throttle}) is laxer than at other hours (${always.throttle})`,
      );
  }
  signalChecks(root, database, rules, place, fault);
  if (rules.maxBytesPerSecond !== null && rules.minBytesPerSecond > rules.maxBytesPerSecond)
    fault([...place('minRate'), 'minRate'], 'minRate is above maxRate');
  const { every, timeout } = effectiveLoad(root, database.load);
  if (every < SHORTEST_EVERY_MS || every > LONGEST_EVERY_MS)
    fault(
      [...place('every'), 'every'],
      'every must be from 100ms to 30s: two samples in a row decide, and both must be of now',
    );
  else if (rules.silentAfterMs <= every + timeout)
    fault(
      [...place('silentAfter'), 'silentAfter'],
      'silentAfter must be longer than every and timeout together: a sampler that hangs would make the watch silent',
    );
  if (rules.windows.every((window) => spansOf(window).length > 0) && openMinutes(rules) === 0) {
    const [path, text] =
      rules.windows.length > 0
        ? (['windows', 'protected times cover all windows'] as const)
        : (['protected', 'protected times cover the whole week'] as const);
    fault([...place(path), path], `no minute of the week is open: ${text}`);
  }
  deadlineChecks(database, rules, place, fault);
}

function signalChecks(
  root: LoadConfig,
  { load }: Checked,
  rules: LoadRules,
  place: (field: keyof LoadConfig, signal?: string) => ConfigPath,
  fault: Report,
): void {
  const queries = (load?.samplers ?? root.samplers).prometheus.map(({ name }) => name);
  for (const { signal } of rules.limits) {
    if (!signal.startsWith('prometheus:') || queries.includes(signal.slice('prometheus:'.length))) continue;
    const meant = didYouMean(signal.slice('prometheus:'.length), queries);
    fault(
      [...place('limits', signal), 'limits', signal],
      'no query of samplers.prometheus has that name',
      meant ? `Did you mean prometheus:${meant}?` : null,
    );
  }
  for (const [signal, written] of Object.entries({ ...root.limits, ...load?.limits }))
    if (isSignalName(signal) && written !== 'off' && !rules.limits.some((limit) => limit.signal === signal))
      fault(
        [...place('limits', signal), 'limits', signal, 'throttle'],
        `${signal} has no default limit: state throttle`,
      );
  const measured = rules.limits.filter(({ signal }) => isMeasured(signal, load?.samplers ?? root.samplers)).length;
  const [most, what] =
    rules.minSignals > rules.limits.length
      ? ([rules.limits.length, 'there are limits'] as const)
      : ([measured, 'the samplers that are switched on measure of those with limits'] as const);
  if (rules.minSignals > most)
    fault(
      [...place('minSignals'), 'minSignals'],
      `minSignals (${rules.minSignals}) is more than ${what} (${most}): the safe pace would hold for ever`,
    );
}

/** By a sampler that is switched on, as far as the configuration tells. */
function isMeasured(signal: SignalName, { postgres, host, http, stores }: LoadConfig['samplers']): boolean {
  if (signal.startsWith('prometheus:')) return true;
  if (signal.startsWith('http')) return http.length > 0;
  if (signal.startsWith('store')) return stores;
  if (/^(host|container|worker|disk|network)/.test(signal)) return host.enabled;
  return postgres.enabled && (signal !== 'statementMeanMs' || postgres.statements);
}

/** Times of day wrap: a deadline that comes so long after the start was meant to come before it. Minutes. */
const LONGEST_AHEAD = 18 * 60;

function deadlineChecks(
  { schedules }: Checked,
  { deadline, windows, timeZone }: LoadRules,
  place: (field: keyof LoadConfig) => ConfigPath,
  fault: Report,
): void {
  if (deadline === null || !('doneBy' in deadline)) return;
  const { doneBy } = deadline;
  const path = [...place('deadline'), 'deadline', 'doneBy'];
  const tooLate = (start: string, most = LONGEST_AHEAD) => {
    const ahead = (minutesOf(doneBy) - minutesOf(start) + MINUTES_OF_DAY) % MINUTES_OF_DAY;
    return ahead === 0 || ahead > most;
  };
  const starts = schedules.filter(
    ({ at, every, timezone }) => at !== undefined && every !== 'hourly' && (timezone ?? 'UTC') === timeZone,
  );
  const wrong = starts.find(({ at }) => tooLate(at!))?.at;
  if (wrong !== undefined) fault(path, `the deadline ${doneBy} is before the start at ${wrong}`);
  const closed = windows.find((window) => {
    const [start, end] = spansOf(window)[0] ?? [0, 0];
    // Within the window it is never before it; a window of a whole day opens before any time.
    return end - start < MINUTES_OF_DAY && tooLate(window.from, Math.max(LONGEST_AHEAD, end - start));
  });
  if (closed) fault(path, `the deadline ${doneBy} is before the window ${windowText(closed)} opens`);
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
