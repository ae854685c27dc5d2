/** What the activities about load take and return. */
import type { PolicyAlert, PolicyState } from '../domain/load/policy-types';
import type { Pace } from '../domain/pace';
import type { HeavyAsk, HeldPlace } from '../domain/load/places';
import type { HeavyOperation } from '../domain/load/queue';
import type { Rung } from '../domain/load/ladder';

export type LoadRhythm = 'backup' | 'idle';

export interface SampleLoadInput {
  readonly database: string;
  /** Null: nothing is known yet. */
  readonly known: LoadWatchState | null;
  /** Measure at once, whatever is due. */
  readonly now: boolean;
}

/** What the watch carries from call to call; small, since it travels in heartbeats and histories. */
export interface LoadWatchState {
  readonly rhythm: LoadRhythm;
  /** The run that was paced last; null before the first. */
  readonly runId: string | null;
  readonly backupId: string | null;
  readonly policy: PolicyState;
  /** What it decided last, the strongest first. */
  readonly reasons: readonly string[];
  /** Alerts that hold. */
  readonly alerts: readonly PolicyAlert[];
  /** Rounds of samples so far. */
  readonly rounds: number;
  /** ISO time of the last round. */
  readonly at: string | null;
}

/** For the run, because its pace is to change. */
export interface PaceOrder {
  readonly workflowId: string;
  readonly runId: string;
  readonly pace: Pace;
}

export interface SampleLoadResult {
  readonly state: LoadWatchState;
  readonly order: PaceOrder | null;
  /** Alerts that did not hold before. */
  readonly raised: readonly PolicyAlert[];
}

/** For the catalogue: a pace that was ordered, or an alert that was raised. */
export interface LoadNews {
  readonly database: string;
  /** ISO time. */
  readonly at: string;
  readonly backupId: string | null;
  readonly pace: Pace | null;
  readonly alert: PolicyAlert | null;
  readonly reasons: readonly string[];
}

/** Whether a backup may begin to read, as admission found. */
export interface PlannedStart {
  /** Null: it may. */
  readonly wait: { readonly reason: string; readonly until: string | null; readonly strict: boolean } | null;
  /** The impact breaker is half-open: the run is its trial, and begins at this pace. Null: no trial. */
  readonly trial: Rung | null;
}

export interface AskTurnInput extends Pick<HeavyOperation, 'kind' | 'database'> {
  /** Of the run's first asking for this place: it keeps its turn when it asks again. */
  readonly askedAt: number;
}

export interface AskTurnResult {
  /** As it was asked for, so that the run can say so again. */
  readonly ask: HeavyAsk;
  /** Ask again after this. Milliseconds. */
  readonly againMs: number;
  /** Without any word for so long the run goes on without a place. Milliseconds. */
  readonly patienceMs: number;
}

export interface HeavyLook {
  /** Of the runs that were asked about, those that have ended. */
  readonly ended: readonly Pick<HeavyAsk, 'id' | 'runId'>[];
  /** What runs under way say of their places; empty unless everything was to be found again. */
  readonly found: { readonly running: readonly HeldPlace[]; readonly waiting: readonly HeavyAsk[] };
  /** Absent: it could not be found out. */
  readonly stop?: string | null;
}
