/**
 * How well a store answers: a moving average over answers with two limits and hysteresis. Pure; the clock is in what is
 * observed. Shares are 0 to 1, times are milliseconds.
 */

/** Best last, so that a greater index is a better state. */
export type HealthState = 'down' | 'degraded' | 'healthy';
export const HEALTH_STATES: readonly HealthState[] = ['down', 'degraded', 'healthy'];

export interface HealthLimits {
  /** Answers that the average remembers, about: each new one has the weight 2 / (window + 1). */
  readonly window: number;
  /** An answer that takes longer is no more than half good. */
  readonly slowAfterMs: number;
  /** Below this average a store is degraded. */
  readonly degradedBelow: number;
  /** Below this average it is down. */
  readonly downBelow: number;
  /** So much above a limit the average must be before the state gets better again. */
  readonly recovery: number;
}

/** One answer of a store, or the lack of one. */
export interface Answer {
  readonly ok: boolean;
  /** null: not measured. */
  readonly latencyMs: number | null;
}

export interface HealthAverage {
  /** Moving average of how good the answers were: 1 all good, 0 none. */
  readonly share: number;
  /** Moving average of the time that good answers took; null before the first. */
  readonly latencyMs: number | null;
}

export const UNTRIED: HealthAverage = { share: 1, latencyMs: null };

/** 1 for a good answer, 0 for none. A slow one lies between the two limits: a store that is only slow never counts as down. */
export function worthOf(answer: Answer, limits: HealthLimits): number {
  if (!answer.ok) return 0;
  const slow = answer.latencyMs !== null && answer.latencyMs > limits.slowAfterMs;
  return slow ? (limits.degradedBelow + limits.downBelow + limits.recovery) / 2 : 1;
}

export function nextAverage(average: HealthAverage, answer: Answer, limits: HealthLimits): HealthAverage {
  const weight = 2 / (limits.window + 1);
  const share = clamp(average.share + weight * (worthOf(answer, limits) - average.share));
  if (!answer.ok || answer.latencyMs === null || !(answer.latencyMs >= 0)) return { ...average, share };
  const before = average.latencyMs;
  return { share, latencyMs: before === null ? answer.latencyMs : before + weight * (answer.latencyMs - before) };
}

/** Getting worse needs the average below a limit; getting better needs it above by the margin: so it does not flap. */
export function nextHealth(state: HealthState, share: number, limits: HealthLimits): HealthState {
  const { degradedBelow, downBelow, recovery } = limits;
  const rank = HEALTH_STATES.indexOf(state);
  const atLeastDegraded = share >= (rank >= 1 ? downBelow : downBelow + recovery);
  if (!atLeastDegraded) return 'down';
  return share >= (rank >= 2 ? degradedBelow : degradedBelow + recovery) ? 'healthy' : 'degraded';
}

const clamp = (share: number) => Math.min(1, Math.max(0, share));

/** Codes of STORE_… errors that say nothing about whether the store can be used: they are about one object, or about the caller. */
const NOT_THE_STORE: ReadonlySet<string> = new Set([
  'STORE_OBJECT_MISSING',
  'STORE_OBJECT_ARCHIVED',
  'STORE_OBJECT_LOCKED',
  'STORE_OBJECT_TOO_LARGE',
  'STORE_KEY_INVALID',
  'STORE_CONFLICT',
  'STORE_CLOSED',
]);
/** Codes of other areas that mean that the store cannot be used as it is. */
const THE_STORE: ReadonlySet<string> = new Set(['RUN_NO_STORE', 'REPO_NOT_INITIALISED', 'REPO_FOREIGN']);

/** What an error code says about the store where it happened; null: nothing. `slow`: it works, and lags. */
export function faultOf(code: string): 'failed' | 'slow' | null {
  if (code === 'REPO_STORE_LAGGED') return 'slow';
  if (THE_STORE.has(code)) return 'failed';
  return code.startsWith('STORE_') && !NOT_THE_STORE.has(code) ? 'failed' : null;
}
