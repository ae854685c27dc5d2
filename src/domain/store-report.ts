/** What an operator is told of a store's health: what is known, how old that is, and what waits for the store. Pure. */
import { trialDueAt, type BreakerState } from './breaker';
import type { StoreRole } from './names';
import type { HealthState } from './store-health';
import { isFresh, type StoreEvent, type StoreStatus, type WatchLimits } from './store-watch';

/** `late`: something is known, but nobody has said anything for too long. `none`: nothing is known. */
export type WatchState = 'watched' | 'late' | 'none' | 'off';

export interface WaitingCopy {
  readonly database: string;
  readonly backupId: string;
  /** ISO time of the last word on it. */
  readonly since: string;
  /** Sealed bytes of the whole backup: what is sent at most. */
  readonly bytes: number;
  readonly detail: string | null;
}

export interface StoreReport {
  readonly store: string;
  readonly role: StoreRole;
  readonly watch: WatchState;
  /** null: not known. What is `late` is told as it was. */
  readonly state: HealthState | null;
  /** ISO times; null with `state`. */
  readonly since: string | null;
  readonly breaker: BreakerState | null;
  readonly breakerSince: string | null;
  /** When an open breaker allows its trial. */
  readonly trialDueAt: string | null;
  /** Moving averages; null before the first answer. */
  readonly latencyMs: number | null;
  /** Share of bad answers, 0 to 1. */
  readonly errorRate: number | null;
  readonly lastProbeAt: string | null;
  readonly lastFault: StoreStatus['lastFault'];
  readonly lastEvent: StoreEvent | null;
  /** Copies that are filled when the store can take them, oldest backup first. */
  readonly waiting: readonly WaitingCopy[];
  /** Whether a backup would be sent there now. */
  readonly usable: boolean;
}

export interface StoreFacts {
  readonly store: string;
  readonly role: StoreRole;
  readonly known: { readonly status: StoreStatus; readonly updatedAt: Date } | null;
  readonly lastEvent: StoreEvent | null;
  readonly waiting: readonly WaitingCopy[];
}

/** `limits`: null when stores are not watched. */
export function storeReport(facts: StoreFacts, limits: WatchLimits | null, now: Date): StoreReport {
  const { store, role, known, lastEvent } = facts;
  const waiting = [...facts.waiting].sort((a, b) => (a.backupId < b.backupId ? -1 : 1));
  const unknown = {
    ...{ store, role, state: null, since: null, breaker: null, breakerSince: null, trialDueAt: null },
    ...{ latencyMs: null, errorRate: null, lastProbeAt: null, lastFault: null, lastEvent, waiting, usable: true },
  };
  // Nobody keeps it up to date any more.
  if (limits === null) return { ...unknown, watch: 'off' };
  if (known === null) return { ...unknown, watch: 'none' };
  const { status, updatedAt } = known;
  const fresh = isFresh(updatedAt, now, limits);
  const { breaker, average } = status;
  return {
    ...unknown,
    watch: fresh ? 'watched' : 'late',
    state: status.state,
    since: status.since,
    breaker: breaker.state,
    breakerSince: status.breakerSince,
    trialDueAt: breaker.state === 'open' ? new Date(trialDueAt(breaker, now.getTime(), limits)).toISOString() : null,
    latencyMs: average.latencyMs,
    errorRate: status.observations === 0 ? null : 1 - average.share,
    lastProbeAt: status.lastProbeAt,
    lastFault: status.lastFault,
    // What is known no longer keeps nobody away.
    usable: !fresh || breaker.state !== 'open',
  };
}
