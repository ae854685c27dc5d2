/** `load` of the root and of one database as the rules that the pace policy reads. */
import { DEFAULT_LIMITS, DEFAULT_PEAK_LIMITS, LIMITS_WHERE_SET } from '../domain/load/default-limits';
import type { SignalLimit } from '../domain/load/limits';
import type { LockWaiterRule } from '../domain/load/lock-verdict';
import { DEFAULT_RULES, type Deadline, type LoadRules } from '../domain/load/rules';
import { isSignalName, signalFacts, type SignalName } from '../domain/load/signals';
import type { Amount, LimitConfig } from './load-fields';
import type { DatabaseLoadConfig, LoadConfig } from './load-schema';

/** What the rules need to know of a database. */
export interface PacedDatabase {
  readonly load?: DatabaseLoadConfig | undefined;
  readonly readers: number;
  /** Milliseconds. */
  readonly pauseBudget: number;
}

/** How and how often one database is sampled. Durations in ms. */
export type Sampling = Pick<LoadConfig, 'watch' | 'every' | 'idleEvery' | 'timeout' | 'samplers'>;

/** The root's `load` with what the database states for itself. */
export function effectiveLoad(root: LoadConfig, own: DatabaseLoadConfig | undefined): LoadConfig {
  if (own === undefined) return root;
  const stated = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return {
    ...root,
    ...(stated as Partial<LoadConfig>),
    limits: { ...root.limits, ...own.limits },
    peak: own.peak ? { ...own.peak, limits: { ...root.peak.limits, ...own.peak.limits } } : root.peak,
  };
}

export function lockRuleOf(root: LoadConfig, database: Pick<PacedDatabase, 'load'>): LockWaiterRule {
  const { action, after } = effectiveLoad(root, database.load).lockWaiters;
  return { action, afterMs: after };
}

export function samplingOf(root: LoadConfig, database: Pick<PacedDatabase, 'load'>): Sampling {
  const { watch, every, idleEvery, timeout, samplers } = effectiveLoad(root, database.load);
  return { watch, every, idleEvery, timeout, samplers };
}

/** Names of the databases whose load is watched. */
export const watchedDatabases = (config: {
  readonly load: LoadConfig;
  readonly databases: readonly (Pick<PacedDatabase, 'load'> & { readonly name: string })[];
}): readonly string[] => config.databases.filter((one) => samplingOf(config.load, one).watch).map(({ name }) => name);

export function loadRulesOf(
  root: LoadConfig,
  database: PacedDatabase,
  worker: { readonly segmentsInFlight: number },
): LoadRules {
  const load = effectiveLoad(root, database.load);
  const limits = mergedLimits(DEFAULT_LIMITS, load.limits, []);
  return {
    timeZone: load.timezone,
    limits,
    peak: { windows: load.peak.windows, limits: peakLimits(load, limits) },
    protected: load.protected,
    windows: load.windows,
    priority: load.priority,
    deadline: deadlineOf(load.deadline),
    pauseBudgetMs: database.pauseBudget,
    safePace: {
      maxBytesPerSecond: Math.min(load.safePace.maxRate, load.maxRate ?? Infinity),
      readers: load.safePace.readers,
      uploads: load.safePace.uploads,
    },
    minSignals: load.minSignals,
    silentAfterMs: load.silentAfter,
    maxBytesPerSecond: load.maxRate ?? null,
    minBytesPerSecond: load.minRate,
    readers: database.readers,
    uploads: worker.segmentsInFlight,
    breaker: {
      openAfter: load.breaker.openAfter,
      openForMs: load.breaker.openFor,
      closeAfter: load.breaker.closeAfter,
    },
    timing: {
      ...DEFAULT_RULES.timing,
      // A rhythm that is slower than usual needs longer before its silence, or its effect, means anything.
      staleMs: Math.max(DEFAULT_RULES.timing.staleMs, load.every * 3 + load.timeout),
      settleMs: Math.max(DEFAULT_RULES.timing.settleMs, load.every * 2),
      releaseAfterMs: Math.max(DEFAULT_RULES.timing.releaseAfterMs, load.every * 2),
    },
  };
}

/**
 * The default limits of peak hours protect more than those at other hours; where the configuration made the latter stricter
 * still, they hold in peak hours as well.
 */
function peakLimits(load: LoadConfig, limits: readonly SignalLimit[]): readonly SignalLimit[] {
  const always = new Map(limits.map((limit) => [limit.signal, limit]));
  const off = (signal: string) => load.limits[signal] === 'off';
  const defaults = DEFAULT_PEAK_LIMITS.filter(({ signal }) => {
    const usual = always.get(signal);
    return (
      !off(signal) &&
      !(
        usual &&
        laxer(
          DEFAULT_PEAK_LIMITS.find((limit) => limit.signal === signal)!,
          usual,
        )
      )
    );
  });
  return mergedLimits(defaults, load.peak.limits, limits);
}

/** Whether `a` lets more through than `b`; false where the two cannot be compared. */
export function laxer(a: SignalLimit, b: SignalLimit): boolean {
  if ((a.relative ?? false) !== (b.relative ?? false)) return false;
  const sign = signalFacts(a.signal).worse === 'lower' ? -1 : 1;
  return a.throttle * sign > b.throttle * sign;
}

/** `usual`: where a limit of peak hours takes what it leaves out, when no default of peak hours has it. */
function mergedLimits(
  defaults: readonly SignalLimit[],
  stated: LoadConfig['limits'],
  usual: readonly SignalLimit[],
): readonly SignalLimit[] {
  const merged = new Map(defaults.map((limit) => [limit.signal as string, limit]));
  for (const [signal, written] of Object.entries(stated)) {
    if (!isSignalName(signal)) continue;
    if (written === 'off') {
      merged.delete(signal);
      continue;
    }
    const base = merged.get(signal) ?? [...usual, ...LIMITS_WHERE_SET].find((limit) => limit.signal === signal);
    const limit = limitOf(signal, written, base);
    if (limit !== null) merged.set(signal, limit);
  }
  return [...merged.values()];
}

/** Null when neither the writing nor a default says where to throttle. */
export function limitOf(
  signal: SignalName,
  written: Exclude<LimitConfig, 'off'>,
  base: SignalLimit | undefined,
): SignalLimit | null {
  const relative = isRelative(written) ?? base?.relative ?? false;
  // Factors say nothing about amounts, and the other way round: of the other kind nothing is taken over.
  const fit = base !== undefined && (base.relative ?? false) === relative ? base : undefined;
  const throttle = written.throttle?.value ?? fit?.throttle;
  if (throttle === undefined) return null;
  // What is left out keeps its distance from the throttle that was stated.
  const scale = fit === undefined ? null : throttle / fit.throttle;
  const between = (value: number) =>
    relative ? 1 + ((value - 1) / (fit!.throttle - 1)) * (throttle - 1) : value * scale!;
  const lower = signalFacts(signal).worse === 'lower';
  const release = written.release?.value ?? (fit ? between(fit.release) : releaseOf(signal, throttle, relative));
  const pause =
    written.pause === 'never'
      ? null
      : (written.pause?.value ?? (fit && fit.pause !== null ? keepShare(signal, between(fit.pause), relative) : null));
  return {
    signal,
    throttle,
    pause: pause !== null && written.pause === undefined && (pause - throttle) * (lower ? -1 : 1) <= 0 ? null : pause,
    release,
    ...(relative ? { relative } : {}),
    ...((written.least ?? fit?.least) === undefined ? {} : { least: written.least?.value ?? fit!.least! }),
    ...((written.hard ?? base?.hard) === undefined ? {} : { hard: written.hard ?? base!.hard! }),
  };
}

/** A little to the good side of the throttle; of a share that is worse when lower, halfway to all of it at most. */
function releaseOf(signal: SignalName, throttle: number, relative: boolean): number {
  const { worse, unit } = signalFacts(signal);
  if (worse !== 'lower') return throttle * 0.85;
  return !relative && unit === 'share' ? Math.min(throttle * 1.05, (throttle + 1) / 2) : throttle * 1.05;
}

function keepShare(signal: SignalName, value: number, relative: boolean): number {
  return !relative && signalFacts(signal).unit === 'share' ? Math.min(1, value) : value;
}

/** Null when no amount is written. A plain number is in the signal's own unit, as an amount with a unit is. */
export function isRelative(written: Exclude<LimitConfig, 'off'>): boolean | null {
  const amounts = [written.throttle, written.pause, written.release].filter(
    (amount): amount is Amount => typeof amount === 'object',
  );
  return amounts.length === 0 ? null : amounts.some(({ relative }) => relative === true);
}

function deadlineOf(deadline: LoadConfig['deadline']): Deadline | null {
  if (deadline?.doneBy !== undefined) return { doneBy: deadline.doneBy };
  return deadline?.within === undefined ? null : { withinMs: deadline.within };
}
