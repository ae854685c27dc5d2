/** What the pace policy is given, what it keeps, and what it answers. All plain data: it travels in histories. */
import { CLOSED } from '../breaker';
import type { DeadlineOutlook } from './deadline';
import type { ImpactBreaker } from './impact-breaker';
import type { LevelMemory } from './judge';
import type { Rung } from './ladder';
import type { Usual } from './limits';
import type { EmergencyStop, PaceOverride } from './override';
import type { LoadRules } from './rules';
import type { SeriesKey } from './series';
import type { LoadSample, SamplerFailure } from './signals';
import type { LocalTime } from './windows';

/** What is known about the run that is paced. */
export interface RunFacts {
  /** A restore and a proof are never slowed by samples or the calendar. */
  readonly kind: 'backup' | 'restore' | 'verify';
  readonly startedAt: number;
  /** Bytes of table data read so far, and expected in all. */
  readonly bytesDone: number;
  readonly bytesExpected: number | null;
  /** Read per second, as measured over the last seconds. */
  readonly bytesPerSecond: number | null;
  /** More important heavy work that is under way: "restore of orders"; null = none. */
  readonly givesWayTo: string | null;
}

export interface PolicyInput {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly rules: LoadRules;
  /** That of the rules' time zone, for callers who decide often. @default made anew, which costs more than the decision */
  readonly clock?: (at: number) => LocalTime;
  /** Of the last minutes, in any order; doubled ones count once. */
  readonly samples: readonly LoadSample[];
  /** Of the last minutes; for the reasons. */
  readonly failures: readonly SamplerFailure[];
  /** What is usual at this hour: from the baseline, or from the minutes before the run. */
  readonly usual: (key: SeriesKey) => Usual | null;
  readonly run: RunFacts;
  readonly override: PaceOverride | null;
  readonly emergencyStop: EmergencyStop | null;
  readonly state: PolicyState;
}

export interface PolicyState {
  /** Position on the ladder: 0 = full pace, one more than the last rung = paused. */
  readonly position: number;
  /** What was last decided; null before the first decision. */
  readonly target: PaceTarget | null;
  /** Times of changes within the last minute, operators' not included. */
  readonly changes: readonly number[];
  readonly changedAt: number | null;
  /** The last rung that proved too fast, and when it may be tried again. */
  readonly tooFast: { readonly position: number; readonly times: number; readonly until: number } | null;
  /** It began slowly, on a server in use, and no pace has proved too fast yet: the next step comes sooner. @default false */
  readonly beginning?: boolean;
  /** Full pace as it was measured before the first step down; the ladder hangs from it. */
  readonly fullBytesPerSecond: number | null;
  /** Enough signals were known at least once. Before that the safe pace is left at once when they are. */
  readonly warmedUp: boolean;
  readonly levels: Readonly<Record<string, LevelMemory>>;
  readonly impact: ImpactBreaker;
  readonly pausedSince: number | null;
  /** Alerts that hold, so that each is raised once. */
  readonly alerts: readonly AlertCode[];
}

export const START_STATE: PolicyState = {
  position: 0,
  target: null,
  changes: [],
  changedAt: null,
  tooFast: null,
  fullBytesPerSecond: null,
  warmedUp: false,
  levels: {},
  impact: { breaker: CLOSED, countedTo: 0 },
  pausedSince: null,
  alerts: [],
};

/** What a run may do. `reason` and `setBy` of a `Pace` are made from a decision by `paceOf`. */
export interface PaceTarget extends Rung {
  readonly paused: boolean;
}

export type ReasonCode =
  | 'emergencyStop'
  | 'override'
  | 'operation'
  | 'breaker'
  | 'protected'
  | 'givesWay'
  | 'signal'
  | 'tooFewSignals'
  | 'watchSilent'
  | 'settling'
  | 'beginning'
  | 'tooManyChanges'
  | 'free';

export interface PaceReason {
  readonly code: ReasonCode;
  /** For people, lower case: "CPU of the host 84 % is over the limit 30 %". */
  readonly text: string;
}

export type AlertCode =
  'emergencyStop' | 'breakerOpen' | 'tooFewSignals' | 'deadlineAtRisk' | 'deadlineLost' | 'pauseBudget';

export interface PolicyAlert {
  readonly code: AlertCode;
  readonly text: string;
}

export interface PaceDecision {
  readonly target: PaceTarget;
  /** The target differs from the last one: signal it. */
  readonly changed: boolean;
  /** The strongest first; at least one. */
  readonly reasons: readonly PaceReason[];
  readonly state: PolicyState;
  /** All that hold now. */
  readonly alerts: readonly PolicyAlert[];
  /** Those that did not hold before. */
  readonly raised: readonly PolicyAlert[];
  /** `giveUp`: the snapshot is released, the dump starts again when it may. */
  readonly snapshot: 'keep' | 'giveUp';
  readonly deadline: DeadlineOutlook | null;
  /** Fresh limited series. */
  readonly validSignals: number;
}
