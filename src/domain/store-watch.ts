/** What is known of a store: health and breaker together, and the events that its changes are. Pure. */
import { breakerAfter, breakerAt, CLOSED, trialDueAt, type Breaker, type BreakerLimits } from './breaker';
import {
  nextAverage,
  nextHealth,
  UNTRIED,
  type Answer,
  type HealthAverage,
  type HealthLimits,
  type HealthState,
} from './store-health';

export interface WatchLimits extends HealthLimits, BreakerLimits {
  /** Between probes. Milliseconds. */
  readonly intervalMs: number;
}

/** How a store is watched where nothing else is stated. */
export const DEFAULT_WATCH_LIMITS: WatchLimits = {
  intervalMs: 30_000,
  window: 5,
  slowAfterMs: 5_000,
  degradedBelow: 0.6,
  downBelow: 0.3,
  recovery: 0.1,
  openAfter: 3,
  openForMs: 60_000,
  closeAfter: 2,
};

/** Beyond the longest regular silence: a probe that hangs, a catalogue that was away, clocks that differ. */
const SLACK_MS = 30_000;

/**
 * What is known that is older than this says nothing any more: while a breaker is open a trial follows each time that it
 * rests, so a watch that is silent for longer has stopped. Milliseconds.
 */
export function freshForMs(limits: Pick<WatchLimits, 'openForMs' | 'intervalMs'>): number {
  return 3 * (limits.openForMs + limits.intervalMs) + SLACK_MS;
}

/** A word from the future is fresh: clocks differ, and it will be replaced. */
export const isFresh = (updatedAt: Date, now: Date, limits: Pick<WatchLimits, 'openForMs' | 'intervalMs'>): boolean =>
  now.getTime() - updatedAt.getTime() <= freshForMs(limits);

export interface StoreFault {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** A probe, or what a run saw of the store while it used it. */
export interface Observation extends Answer {
  /** The same observation told twice has the same id and counts once. */
  readonly id: string;
  readonly source: 'probe' | 'run';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly fault: StoreFault | null;
}

export interface StoreStatus {
  readonly store: string;
  readonly state: HealthState;
  /** ISO time since when `state` holds. */
  readonly since: string;
  readonly breaker: Breaker;
  /** ISO time since when the breaker is as it is. */
  readonly breakerSince: string;
  readonly average: HealthAverage;
  /** Observations so far. */
  readonly observations: number;
  /** ISO time of the last probe; null before the first. */
  readonly lastProbeAt: string | null;
  /** Why the last observation that failed did; stays after it is over. */
  readonly lastFault: (StoreFault & { readonly at: string }) | null;
  /** Ids of the last observations of runs: a report that comes twice is known by them. */
  readonly seen: readonly string[];
}

/** A change that people and alerts are told of. */
export interface StoreEvent {
  readonly store: string;
  /** ISO time. */
  readonly at: string;
  /** `failover`: a dump of `database` goes on without its primary, or with it again; then `from` and `to` are stores. */
  readonly kind: 'health' | 'breaker' | 'failover';
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  /** Code of the error behind it; null where there is none. */
  readonly code: string | null;
  readonly database: string | null;
}

/** Told of each event once it is on record; may be told twice. A listener that throws is told again. */
export type StoreEventListener = (event: StoreEvent) => Promise<void>;

/** Reports of runs that are remembered. */
const SEEN = 64;

export function untriedStatus(store: string, now: number): StoreStatus {
  const at = iso(now);
  return {
    store,
    state: 'healthy',
    since: at,
    breaker: CLOSED,
    breakerSince: at,
    average: UNTRIED,
    observations: 0,
    lastProbeAt: null,
    lastFault: null,
    seen: [],
  };
}

export interface Watched {
  readonly status: StoreStatus;
  readonly events: readonly StoreEvent[];
}

/** What is known after one more observation. The same one again changes nothing. */
export function observe(before: StoreStatus, seen: Observation, limits: WatchLimits): Watched {
  if (seen.source === 'run' && before.seen.includes(seen.id)) return { status: before, events: [] };
  const at = iso(seen.at);
  const average = nextAverage(before.average, seen, limits);
  const state = nextHealth(before.state, average.share, limits);
  const ready = breakerAt(before.breaker, seen.at, limits);
  const breaker = breakerAfter(ready, { ok: seen.ok, at: seen.at, belowLimit: state === 'down' }, limits);
  const status: StoreStatus = {
    ...before,
    state,
    since: state === before.state ? before.since : at,
    breaker,
    breakerSince: breaker.state === before.breaker.state ? before.breakerSince : at,
    average,
    observations: before.observations + 1,
    lastProbeAt: seen.source === 'probe' ? at : before.lastProbeAt,
    lastFault: seen.fault === null ? before.lastFault : { ...seen.fault, at },
    seen: seen.source === 'run' ? [...before.seen, seen.id].slice(-SEEN) : before.seen,
  };
  return { status, events: changes(before, status, seen, limits) };
}

/** What is known after time went by without an observation: an open breaker may allow its trial. */
export function atTime(before: StoreStatus, now: number, limits: WatchLimits): Watched {
  const breaker = breakerAt(before.breaker, now, limits);
  if (breaker === before.breaker) return { status: before, events: [] };
  if (breaker.state === before.breaker.state) return { status: { ...before, breaker }, events: [] };
  const status = { ...before, breaker, breakerSince: iso(now) };
  const reason = `${seconds(limits.openForMs)} have passed since it opened: one trial`;
  return { status, events: [breakerEvent(before, status, { at: iso(now), reason, code: null })] };
}

/** When the next probe is due, ms since the epoch: each interval, and while the breaker is open not before its trial. */
export function probeDueAt(status: StoreStatus, now: number, limits: WatchLimits): number {
  // A clock that was set back must not put the next probe off.
  const last = status.lastProbeAt === null ? -Infinity : Math.min(Date.parse(status.lastProbeAt), now);
  return Math.max(last + limits.intervalMs, trialDueAt(status.breaker, now, limits));
}

function changes(before: StoreStatus, after: StoreStatus, seen: Observation, limits: WatchLimits): StoreEvent[] {
  const at = iso(seen.at);
  const code = seen.fault?.code ?? null;
  const events: StoreEvent[] = [];
  if (before.state !== after.state) {
    const share = Math.round(after.average.share * 100);
    const facts =
      seen.fault === null
        ? `average ${share} %${after.average.latencyMs === null ? '' : `, ${Math.round(after.average.latencyMs)} ms`}`
        : `average ${share} %, last: ${seen.fault.code} ${seen.fault.message}`;
    const { store, state } = after;
    events.push({ store, at, kind: 'health', from: before.state, to: state, reason: facts, code, database: null });
  }
  if (before.breaker.state !== after.breaker.state)
    events.push(breakerEvent(before, after, { at, reason: whyBreaker(before, after, seen, limits), code }));
  return events;
}

function whyBreaker(before: StoreStatus, after: StoreStatus, seen: Observation, limits: WatchLimits): string {
  const told = seen.fault === null ? '' : `: ${seen.fault.code} ${seen.fault.message}`;
  const who = seen.source === 'probe' ? 'a probe' : 'a run';
  if (after.breaker.state === 'closed') return `${limits.closeAfter} good trials, the last by ${who}`;
  if (after.breaker.state === 'half-open') return `a good trial by ${who}, ${limits.closeAfter} are needed`;
  if (before.breaker.state === 'half-open') return `a trial failed${told}`;
  const { failures } = after.breaker;
  return failures >= limits.openAfter ? `${failures} failures in a row${told}` : `the average is too low${told}`;
}

function breakerEvent(
  before: StoreStatus,
  after: StoreStatus,
  facts: Pick<StoreEvent, 'at' | 'reason' | 'code'>,
): StoreEvent {
  const { store } = after;
  return { store, kind: 'breaker', from: before.breaker.state, to: after.breaker.state, ...facts, database: null };
}

const iso = (ms: number) => new Date(ms).toISOString();
const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`;
