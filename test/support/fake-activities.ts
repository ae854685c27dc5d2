import { ApplicationFailure, Context, sleep } from '@temporalio/activity';
import type { BackupPlan, DumpInput, DumpResult, HoldfastActivities, RunTiming } from '../../src/activities/types';
import { startOfWatch } from '../../src/activities/load-watch';
import { SIGNAL, type Turn } from '../../src/domain/messages';
import { untriedStatus } from '../../src/domain/store-watch';
import type { Pace } from '../../src/domain/pace';

export const TIMING: RunTiming = {
  dumpTimeoutMs: 60_000,
  dumpHeartbeatMs: 2_000,
  verifyTimeoutMs: 60_000,
  replicateWaitMs: 10_000,
  replicatePatienceMs: 60_000,
};

export const PLAN: BackupPlan = {
  engine: 'logical',
  type: 'full',
  base: null,
  stores: ['disk', 'cloud'],
  proveOrder: ['disk', 'cloud'],
  verification: { grade: 'exact', stores: 'all' },
  enforceRetention: true,
  timing: TIMING,
  notices: [],
};

export function dumpResult(changes: Partial<DumpResult> = {}): DumpResult {
  return {
    adopted: false,
    completedAt: new Date().toISOString(),
    rows: 12,
    plainBytes: 1_200,
    sealedBytes: 600,
    uploadedBytes: 600,
    reusedBytes: 0,
    segments: 3,
    location: 'shop/manifests/x',
    committed: ['disk', 'cloud'],
    behind: [],
    notices: [],
    ...changes,
  };
}

/** What the workflow asked of its activities, in order: `name` or `name:detail`. */
export interface Calls {
  readonly list: string[];
  of(name: string): string[];
}

/** Activities that do nothing and succeed at once, except those that the test states. Every call is written down. */
export function fakeActivities(changes: Partial<HoldfastActivities> = {}): {
  readonly activities: HoldfastActivities;
  readonly calls: Calls;
} {
  const list: string[] = [];
  const plain: HoldfastActivities = {
    admit: async ({ type }) => ({ ...PLAN, type }),
    openJob: async () => {},
    recordDump: async () => {},
    failJob: async () => {},
    recordCopy: async () => {},
    dump: async () => dumpResult(),
    applyPace: async ({ pace }) => ({ sequence: pace.sequence, at: new Date().toISOString(), found: true }),
    fillStore: async () => ({ copiedObjects: 4, copiedBytes: 700 }),
    proveStore: async ({ store, backupId, grade }) => ({
      store,
      backupId,
      grade,
      durationMs: 5,
      restoreMs: 3,
      rows: 12,
      failure: null,
    }),
    planExpiry: async () => ({ decisions: [], tombstoned: [], due: [], nextDueAt: null }),
    deleteExpired: async () => ({ deleted: [], spared: [], objects: 0, bytes: 0 }),
    watchStore: async ({ store, status }) => ({ status: status ?? untriedStatus(store, Date.now()), events: [] }),
    announceStoreEvent: async () => {},
    sampleLoad: async ({ known }) => ({ state: known ?? startOfWatch(), order: null, raised: [] }),
    announceLoad: async () => {},
    planRotation: async () => ({
      turn: {
        backupId: 'b',
        store: 'disk',
        grade: 'exact',
        why: 'its proof is the oldest there',
        estimate: { bytes: 600, objects: 3, ms: 5, cost: null },
        timeoutMs: 60_000,
      },
      copies: 2,
      overdue: 0,
      skipped: [],
    }),
    finishTurn: async () => {},
    planIntact: async () => ({ shares: [], away: [], leftOver: [], grade: 'exact', timeoutMs: 60_000 }),
    readShare: async ({ from, to }) => ({
      from,
      to,
      nextBucket: to,
      objects: 3,
      bytes: 600,
      missingObjects: 0,
      damagedObjects: 0,
      ms: 5,
      damaged: [],
    }),
    restoreBackup: async ({ backupId }) => ({
      backupId,
      store: 'disk',
      target: 'shop',
      databaseName: 'shop',
      rows: 12,
      plainBytes: 1_200,
      tables: 2,
      durationMs: 5,
      notices: [],
    }),
    planStoreFill: async () => ({ items: [], left: 0 }),
    measureStore: async ({ store }) => ({ store, bytes: 700, objects: 4, durationMs: 5, error: null }),
    askTurn: async ({ kind, database, askedAt }) => {
      const { info, client } = Context.current();
      const { workflowId: id, runId } = info.workflowExecution!;
      // As if all places were free.
      const turn: Turn = { askedAt, sequence: Date.now(), granted: true, text: 'it is its turn' };
      await client.workflow.getHandle(id, runId).signal(SIGNAL.turn, turn);
      return { ask: { id, runId, kind, database, priority: 'normal', askedAt }, againMs: 60_000, patienceMs: 600_000 };
    },
    lookAtHeavyWork: async () => ({ ended: [], found: { running: [], waiting: [] } }),
    describeRun: async () => null,
    awaitRunEnd: async () => {},
    ...changes,
  };
  const detail: Partial<Record<keyof HoldfastActivities, (input: never) => string>> = {
    recordCopy: ({ store, state }: { store: string; state: string }) => `${store}=${state}`,
    failJob: ({ code }: { code: string }) => code,
    fillStore: ({ store, heal }: { store: string; heal: boolean }) => `${store}${heal ? ' heal' : ''}`,
    proveStore: ({ store }: { store: string }) => store,
    finishTurn: ({ outcome }: { outcome: string }) => outcome,
    readShare: ({ store, from, to }: { store: string; from: number; to: number }) => `${store} ${from}-${to}`,
    applyPace: ({ pace }: { pace: Pace }) => String(pace.sequence),
  };
  const activities = Object.fromEntries(
    Object.entries(plain).map(([name, run]) => [
      name,
      async (input: never) => {
        const more = detail[name as keyof HoldfastActivities]?.(input);
        // Every proof and restore asks for its place; tests of places look at the queue itself.
        if (name !== 'askTurn') list.push(more === undefined ? name : `${name}:${more}`);
        return (run as (input: never) => Promise<unknown>)(input);
      },
    ]),
  ) as unknown as HoldfastActivities;
  return {
    activities,
    calls: { list, of: (name) => list.filter((call) => call === name || call.startsWith(`${name}:`)) },
  };
}

export const failure = (type: string, nonRetryable = true) =>
  ApplicationFailure.create({ type, message: `it failed HINT: look`, nonRetryable });

/** A dump that runs until `until` says so, obeys a pace in a stand-in for the governor, and beats. */
export function steeredDump(
  hostQueue: () => string,
  done: (state: { readonly pace: Pace; readonly input: DumpInput }) => boolean,
) {
  const state = { pace: null as Pace | null, gaveUp: false, attempts: 0, dumps: [] as number[] };
  return {
    state,
    async dump(input: DumpInput): Promise<DumpResult> {
      const { info, client } = Context.current();
      state.attempts += 1;
      state.dumps.push(input.dump);
      state.pace = input.pace;
      const handle = client.workflow.getHandle(info.workflowExecution!.workflowId, info.workflowExecution!.runId);
      await handle.signal(SIGNAL.attached, {
        dump: input.dump,
        attempt: info.attempt,
        queue: hostQueue(),
        workerIdentity: 'worker one',
        paceSequence: input.pace.sequence,
      });
      while (!done({ pace: state.pace, input })) {
        Context.current().heartbeat();
        await sleep(20);
      }
      return dumpResult();
    },
    applyPace: async ({ pace }: { readonly pace: Pace }) => {
      if (state.pace === null || pace.sequence > state.pace.sequence) state.pace = pace;
      state.gaveUp ||= pace.giveUp === true;
      return { sequence: state.pace.sequence, at: new Date().toISOString(), found: true };
    },
  };
}
