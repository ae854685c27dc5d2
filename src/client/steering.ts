/** Looking at the run of a database, and steering it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError, WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { PROGRESS_QUERY, SIGNAL, type StartNow } from '../domain/messages';
import { FULL_PACE, type Pace } from '../domain/pace';
import type { BackupProgress, DumpProgress } from '../domain/progress';
import type { ShareRead } from '../domain/verification-runs';
import { isHoldfastError } from '../errors/holdfast-error';
import { orchestrationError } from '../errors/orchestration';
import { backupRunId } from '../workflows/ids';
import type { Calls } from './calls';
import type { HoldfastClient } from './types';

type SteeringCalls = Pick<
  HoldfastClient,
  'progress' | 'pause' | 'resume' | 'setPace' | 'awaitPaceApplied' | 'startNow' | 'cancel' | 'activityProgress'
>;

const QUERY_TIMEOUT_MS = 5_000;
const LOOK_MS = 50;

export function steeringCalls(calls: Calls, namespace: string): SteeringCalls {
  const { client, call } = calls;
  /** When each target was sent, by its sequence: milliseconds since the epoch. */
  const sent = new Map<number, number>();

  const query = async (database: string): Promise<BackupProgress> => {
    const handle = client.workflow.getHandle(backupRunId(database));
    try {
      return await call(() => handle.query<BackupProgress>(PROGRESS_QUERY), QUERY_TIMEOUT_MS);
    } catch (error) {
      // A server that answers for a run whose workers are gone says so in its own ways: all of them mean this.
      if (isHoldfastError(error, 'TEMPORAL_UNREACHABLE') || error instanceof ServiceError)
        throw orchestrationError('RUN_NO_WORKER', '', { context: { database }, cause: error });
      throw error;
    }
  };

  const describe = async (workflowId: string): Promise<WorkflowExecutionDescription | null> => {
    try {
      return await call(() => client.workflow.getHandle(workflowId).describe());
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  };

  const progress = async (database: string): Promise<BackupProgress | null> => {
    const run = await describe(backupRunId(database));
    if (run === null || run.status.name !== 'RUNNING' || run.type !== 'backup') return null;
    const known = await query(database);
    const newest = heartbeatOf<DumpProgress>(run, 'dump');
    return newest === null || known.phase !== 'dumping' ? known : { ...known, dump: newest };
  };

  const steer = async (
    database: string,
    signal: string,
    change: Partial<Pace>,
    who: string,
    reason: string,
  ): Promise<Pace> => {
    // A run whose workers are all away is steered too: Temporal keeps the signal.
    const current = await query(database).then(
      (known) => known.pace,
      (error: unknown) => {
        if (isHoldfastError(error, 'RUN_NO_WORKER')) return FULL_PACE;
        throw error instanceof WorkflowNotFoundError ? notActive(database, error) : error;
      },
    );
    // An end, or a release of the snapshot, belongs to the word that stated it.
    const pace: Pace = { ...withoutEnd(current), ...change, reason, setBy: who, sequence: nextSequence(current) };
    try {
      sent.set(pace.sequence, Date.now());
      await call(() => client.workflow.getHandle(backupRunId(database)).signal(signal, pace));
    } catch (error) {
      throw error instanceof WorkflowNotFoundError ? notActive(database, error) : error;
    }
    return pace;
  };

  return {
    progress,
    pause: (database, who, reason, forMs) =>
      steer(database, SIGNAL.pause, { paused: true, ...endsIn(forMs) }, who, reason),
    resume: (database, who, reason, forMs) =>
      steer(database, SIGNAL.resume, { paused: false, until: Date.now() + (forMs ?? 0) }, who, reason),
    setPace: (database, pace, who, reason, forMs) =>
      steer(database, SIGNAL.setPace, { ...pace, ...endsIn(forMs) }, who, reason),

    async awaitPaceApplied(database, sequence, timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      const sentAt = sent.get(sequence) ?? Math.floor(sequence / 1_000);
      for (;;) {
        const known = await query(database);
        if (known.pace.sequence >= sequence && known.paceApplied) {
          const at = known.paceAppliedAt === null ? Date.now() : Date.parse(known.paceAppliedAt);
          return { effectiveMs: Math.max(0, at - sentAt) };
        }
        if (Date.now() >= deadline)
          throw orchestrationError('RUN_PACE_NOT_CONFIRMED', '', { context: { database, sequence } });
        await sleep(LOOK_MS);
      }
    },

    async startNow(database, who, why) {
      const now = await progress(database);
      if (now === null) throw notActive(database);
      if (now.waiting?.for !== 'opening') return false;
      const told: StartNow = { by: who, why };
      await call(() => client.workflow.getHandle(backupRunId(database)).signal(SIGNAL.startNow, told));
      return true;
    },

    async cancel(database, reason) {
      const run = await describe(backupRunId(database));
      if (run === null || run.status.name !== 'RUNNING' || run.type !== 'backup') throw notActive(database);
      await call(() =>
        client.workflowService.requestCancelWorkflowExecution({
          namespace,
          workflowExecution: { workflowId: run.workflowId, runId: run.runId },
          identity: client.options.identity,
          reason,
        }),
      );
    },

    async activityProgress(workflowId) {
      const run = await describe(workflowId);
      if (run === null) return null;
      const reading = heartbeatOf<ShareRead>(run, 'readShare');
      if (reading !== null)
        return {
          step: 'reading objects',
          done: reading.nextBucket - reading.from,
          total: reading.to - reading.from,
          current: null,
        };
      return heartbeatOf(run, 'restoreBackup') ?? heartbeatOf(run, 'proveStore') ?? heartbeatOf(run, 'fillStore');
    },
  };
}

function withoutEnd(pace: Pace): Pace {
  const kept: { -readonly [Key in keyof Pace]: Pace[Key] } = { ...pace };
  delete kept.until;
  delete kept.giveUp;
  return kept;
}

const endsIn = (forMs: number | undefined): Pick<Pace, 'until'> =>
  forMs === undefined ? {} : { until: Date.now() + forMs };

/** Microseconds since the epoch, but always above what is in force: clocks of two operators may differ. */
function nextSequence(current: Pace): number {
  return Math.max(current.sequence + 1, Date.now() * 1_000 + Math.floor(Math.random() * 1_000));
}

function notActive(database: string, cause?: unknown) {
  return orchestrationError('RUN_NOT_ACTIVE', '', { context: { database }, cause });
}

function heartbeatOf<Details>(run: WorkflowExecutionDescription, activity: string): Details | null {
  const pending = run.raw.pendingActivities?.find(({ activityType }) => activityType?.name === activity);
  const payload = pending?.heartbeatDetails?.payloads?.[0];
  return payload ? defaultPayloadConverter.fromPayload<Details | null>(payload) : null;
}
