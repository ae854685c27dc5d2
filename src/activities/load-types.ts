/** What the activities about load take and return. */
import type { PolicyAlert, PolicyState } from '../domain/load/policy-types';
import type { Pace } from '../domain/pace';

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
