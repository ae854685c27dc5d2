/** Runs each situation that must keep replaying, and returns the histories as Temporal wrote them. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createRunActivities } from '../../src/activities/runs';
import type { HoldfastActivities } from '../../src/activities/types';
import { startOfWatch } from '../../src/activities/load-watch';
import { FULL_PACE, LOAD_WATCH } from '../../src/domain/pace';
import { CLAIM_TRIAL_UPDATE, PROGRESS_QUERY, SIGNAL, STATUS_QUERY } from '../../src/domain/messages';
import type { BackupProgress } from '../../src/domain/progress';
import {
  DEFAULT_WATCH_LIMITS,
  observe,
  untriedStatus,
  type Observation,
  type StoreEvent,
  type StoreStatus,
} from '../../src/domain/store-watch';
import {
  backupRunId,
  intactId,
  loadWatchId,
  requestId,
  retentionId,
  restoreId,
  rotationId,
  storeFillId,
  storeHealthId,
  verifyId,
} from '../../src/workflows/ids';
import { dumpResult, failure, fakeActivities, PLAN, steeredDump } from './fake-activities';
import { heavyStation } from './heavy-work';
import { startTemporal, startWorkers, type FakeWorkers } from './temporal';

const { History } = temporal.api.history.v1;
type Histories = Record<string, unknown>;

export async function recordHistories(): Promise<Histories> {
  const env = await startTemporal();
  const histories: Histories = {};
  const keep = async (name: string, handle: WorkflowHandle) => {
    const history = History.create(await handle.fetchHistory());
    const plain = JSON.stringify(History.toObject(history, { longs: String, enums: String, bytes: String }));
    // Who recorded it, and where, is nobody's business.
    histories[name] = JSON.parse(
      plain
        .replace(/"identity":"[^"]*"/g, '"identity":"a recording"')
        .replaceAll(hostname(), 'host')
        .replaceAll(process.cwd(), '/app'),
    );
  };
  try {
    await recordRequest(env, keep);
    await recordPaused(env, keep);
    await recordBudget(env, keep);
    await recordFailed(env, keep);
    await recordCancelled(env, keep);
    await recordBehind(env, keep);
    await recordDamaged(env, keep);
    await recordRetention(env, keep);
    await recordRestore(env, keep);
    await recordStoreFill(env, keep);
    await recordVerification(env, keep);
    await recordLoadWatch(env, keep);
    await recordFailover(env, keep);
    await recordBlocked(env, keep);
    await recordStoreHealth(env, keep);
    await recordHeavyWork(env, keep);
    await recordWaited(env, keep);
  } finally {
    await env.teardown();
  }
  return histories;
}

type Keep = (name: string, handle: WorkflowHandle) => Promise<void>;

async function withWorkers(
  env: TestWorkflowEnvironment,
  changes: Partial<HoldfastActivities>,
  work: (at: {
    readonly workers: FakeWorkers;
    start: (type: string, workflowId: string, input: unknown) => Promise<WorkflowHandle>;
  }) => Promise<void>,
): Promise<void> {
  const workers = await startWorkers(env, fakeActivities({ ...createRunActivities(), ...changes }).activities);
  try {
    await work({
      workers,
      start: (type, workflowId, input) =>
        env.client.workflow.start(type, { taskQueue: workers.workflowQueue, workflowId, args: [input] }),
    });
  } finally {
    await workers.stop();
  }
}

const input = (database: string) => ({ database, type: 'full', requestedBy: 'a recording' });

function recordRequest(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  return withWorkers(env, {}, async ({ start }) => {
    const asked = { ...input('success'), overlap: 'skip' };
    const handle = await start('request', requestId('success', 'one'), asked);
    await handle.result();
    await keep('request', handle);
    await keep('success', env.client.workflow.getHandle(backupRunId('success')));
    await env.client.workflow.getHandle(retentionId('success')).result();
  });
}

async function recordPaused(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let queue = '';
  let finish = false;
  const steering = steeredDump(
    () => queue,
    ({ pace }) => finish && !pace.paused,
  );
  await withWorkers(env, { dump: steering.dump, applyPace: steering.applyPace }, async ({ workers, start }) => {
    queue = workers.hostQueue;
    const handle = await start('backup', backupRunId('paused'), input('paused'));
    await until(() => steering.state.attempts > 0);
    const pace = { ...FULL_PACE, reason: 'a recording', setBy: 'a recording' };
    await handle.signal(SIGNAL.pause, { ...pace, sequence: 1 });
    await until(() => steering.state.pace?.paused === true);
    finish = true;
    await handle.signal(SIGNAL.resume, { ...pace, sequence: 2 });
    await handle.result();
    await keep('paused-resumed', handle);
  });
}

async function recordBudget(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let paused = false;
  const dump: HoldfastActivities['dump'] = async ({ dump: count }) => {
    if (count > 1) return dumpResult();
    await until(() => paused);
    throw failure('PG_PAUSE_BUDGET_SPENT', false);
  };
  await withWorkers(env, { dump }, async ({ start }) => {
    const handle = await start('backup', backupRunId('budget'), input('budget'));
    await handle.signal(SIGNAL.setPace, { ...FULL_PACE, sequence: 1, maxBytesPerSecond: 5 });
    paused = true;
    await handle.result();
    await keep('pause-budget', handle);
  });
}

/** A backup that the watch slows down and lets go on, and that gives its snapshot up in between. */
async function recordLoadWatch(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let queue = '';
  let rounds = 0;
  let finish = false;
  const steering = steeredDump(
    () => queue,
    ({ pace }) => finish && !pace.paused,
  );
  const workflowId = backupRunId('loaded');
  const reason = 'CPU of the host 95 %';
  const paces = [
    { ...FULL_PACE, maxBytesPerSecond: 8e6, readers: 1, uploads: 1, reason, setBy: LOAD_WATCH, sequence: 1 },
    { ...FULL_PACE, uploads: null, reason: 'all signals are within their limits', setBy: LOAD_WATCH, sequence: 2 },
  ];
  const sampleLoad: HoldfastActivities['sampleLoad'] = async ({ known }) => {
    const state = { ...(known ?? startOfWatch()), rhythm: 'backup' as const, rounds: (rounds += 1) };
    const described = await env.client.workflow.getHandle(workflowId).describe();
    const pace = steering.state.attempts > 0 ? paces.shift() : undefined;
    if (pace === undefined) {
      finish ||= paces.length === 0 && steering.state.pace?.sequence === 2;
      await delay(200);
      return { state: { ...state, rhythm: finish ? 'idle' : 'backup' }, order: null, raised: [] };
    }
    const raised = [{ code: 'deadlineAtRisk' as const, text: 'at this pace it ends too late' }];
    return { state, order: { workflowId, runId: described.runId, pace }, raised };
  };
  await withWorkers(
    env,
    { sampleLoad, dump: steering.dump, applyPace: steering.applyPace },
    async ({ workers, start }) => {
      queue = workers.hostQueue;
      const run = await start('backup', workflowId, input('loaded'));
      const watch = await start('loadWatch', loadWatchId('loaded'), { database: 'loaded' });
      await run.result();
      await watch.signal(SIGNAL.probeNow);
      await watch.signal(SIGNAL.end);
      await watch.result();
      await keep('load-watch', watch);
      await keep('paced', run);
    },
  );
}

function recordFailed(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  return withWorkers(env, { dump: () => Promise.reject(failure('PG_DENIED')) }, async ({ start }) => {
    const handle = await start('backup', backupRunId('failed'), input('failed'));
    await handle.result().catch(() => undefined);
    await keep('failed', handle);
  });
}

async function recordCancelled(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let dumping = false;
  const dump: HoldfastActivities['dump'] = async () => {
    dumping = true;
    for (;;) {
      Context.current().heartbeat();
      await Context.current().sleep(20);
    }
  };
  await withWorkers(env, { dump }, async ({ start }) => {
    const handle = await start('backup', backupRunId('cancelled'), input('cancelled'));
    await until(() => dumping);
    await handle.cancel();
    await handle.result().catch(() => undefined);
    await keep('cancelled', handle);
  });
}

async function recordBehind(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let tries = 0;
  const behind = [{ store: 'cloud', code: 'STORE_UNREACHABLE', message: 'down' }];
  const changes: Partial<HoldfastActivities> = {
    dump: async () => dumpResult({ committed: ['disk'], behind }),
    fillStore: async () => {
      if ((tries += 1) === 1) throw failure('STORE_UNREACHABLE');
      return { copiedObjects: 1, copiedBytes: 1 };
    },
  };
  await withWorkers(env, changes, async ({ start }) => {
    const handle = await start('backup', backupRunId('behind'), input('behind'));
    const { backupId } = (await handle.result()) as { backupId: string };
    await keep('store-behind', handle);
    const child = env.client.workflow.getHandle(`replicate/behind/${backupId}/cloud`);
    await child.result();
    await keep('replicate', child);
  });
}

async function recordDamaged(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let proofs = 0;
  const proveStore: HoldfastActivities['proveStore'] = async ({ store, backupId, grade }) => {
    const bad = (proofs += 1) === 1;
    const fault = { class: 'data' as const, code: 'REPO_SEGMENT_DAMAGED', message: 'bad', hint: 'heal' };
    return {
      store,
      backupId,
      grade: bad ? null : grade,
      durationMs: 1,
      restoreMs: 1,
      rows: 1,
      failure: bad ? fault : null,
    };
  };
  await withWorkers(env, { proveStore }, async ({ start }) => {
    const verify = { database: 'damaged', backupId: 'b', store: 'disk', grade: 'exact', requestedBy: 'a recording' };
    const handle = await start('verifyCopy', verifyId('damaged', 'b', 'disk'), verify);
    await handle.result();
    await keep('healed', handle);
  });
}

async function recordRetention(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let plans = 0;
  const planExpiry: HoldfastActivities['planExpiry'] = async () => {
    plans += 1;
    const nothing = { decisions: [], tombstoned: [], due: [], nextDueAt: null };
    if (plans === 1) return { ...nothing, tombstoned: ['a'], nextDueAt: new Date(Date.now() + 1_200).toISOString() };
    return plans === 2 ? { ...nothing, due: ['a'] } : nothing;
  };
  await withWorkers(env, { planExpiry }, async ({ start }) => {
    const handle = await start('retention', retentionId('swept'), {
      database: 'swept',
      confirm: true,
      requestedBy: 'a recording',
    });
    await handle.result();
    await keep('retention', handle);
    await keep('sweep', env.client.workflow.getHandle(backupRunId('swept')));
  });
}

function recordRestore(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  return withWorkers(env, {}, async ({ start }) => {
    const handle = await start('restore', restoreId('shop', 'one'), {
      backupId: 'b',
      database: 'shop',
      requestedBy: 'x',
    });
    await handle.result();
    await keep('restore', handle);
  });
}

async function recordStoreFill(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const done = new Set<string>();
  const changes: Partial<HoldfastActivities> = {
    planStoreFill: async ({ skip }) => {
      const left = ['c', 'b', 'a'].filter((backupId) => !done.has(backupId) && !skip.includes(backupId));
      return { items: left.map((backupId) => ({ database: 'shop', backupId, grade: 'exact' })), left: left.length };
    },
    fillStore: async ({ backupId }) => {
      if (backupId === 'b') throw failure('STORE_ACCESS_DENIED');
      done.add(backupId);
      return { copiedObjects: 1, copiedBytes: 1 };
    },
  };
  await withWorkers(env, changes, async ({ start }) => {
    const handle = await start('fillStoreWithAll', storeFillId('cloud'), {
      store: 'cloud',
      databases: ['shop'],
      atOnce: 2,
      patienceMs: 1,
      prove: false,
      requestedBy: 'a recording',
    });
    await handle.result();
    await keep('store-fill', handle);
  });
}

async function recordVerification(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const estimate = { bytes: 600, objects: 3, ms: null, cost: null };
  const share = { from: 0, to: 9, cycleStartedAt: 0, opensCycle: true, lateMs: 0, why: 'the regular share', estimate };
  const damaged = {
    store: 'cloud',
    backupId: 'b',
    objects: ['c0ffee'],
    gradeBefore: 'exact' as const,
    detail: 'damaged',
  };
  const changes: Partial<HoldfastActivities> = {
    planIntact: async () => ({
      shares: [
        { store: 'disk', ...share },
        { store: 'cloud', ...share },
        { store: 'rest', ...share, from: 256, to: 256 },
      ],
      away: [{ store: 'far', reason: 'STORE_UNREACHABLE: down' }],
      leftOver: [],
      grade: 'exact',
      timeoutMs: 60_000,
    }),
    readShare: async ({ store, from, to }) => ({
      ...{ from, to, nextBucket: to, objects: 3, bytes: 600, missingObjects: 0, ms: 5 },
      damagedObjects: store === 'cloud' ? 1 : 0,
      damaged: store === 'cloud' ? [damaged] : [],
    }),
  };
  await withWorkers(env, changes, async ({ start }) => {
    const asked = { database: 'turns', requestedBy: 'a recording' };
    const turn = await start('rotation', rotationId('turns'), asked);
    await turn.result();
    await keep('rotation', turn);
    const shares = await start('intactShare', intactId('turns'), { ...asked, stores: [], share: 'due' });
    await shares.result();
    await keep('intact', shares);
  });
}

/** The primary is left out, and comes back while its copy waits, with nobody who watches it. */
async function recordFailover(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let tries = 0;
  const reason = 'primary disk is left out';
  const changes: Partial<HoldfastActivities> = {
    admit: async () => ({
      ...PLAN,
      stores: ['cloud'],
      withheld: [{ store: 'disk', code: 'RUN_BREAKER_OPEN', message: 'its breaker is open' }],
      reserve: ['disk'],
      lead: { primary: 'disk', standIn: 'cloud' },
      failover: { store: 'disk', from: 'disk', to: 'cloud', reason },
      notices: [reason],
    }),
    dump: async () => dumpResult({ committed: ['cloud'] }),
    fillStore: async () => {
      if ((tries += 1) === 1) throw failure('RUN_BREAKER_OPEN');
      return { copiedObjects: 1, copiedBytes: 1 };
    },
  };
  await withWorkers(env, changes, async ({ start }) => {
    const handle = await start('backup', backupRunId('failover'), input('failover'));
    const { backupId } = (await handle.result()) as { backupId: string };
    await keep('failover', handle);
    const child = env.client.workflow.getHandle(`replicate/failover/${backupId}/disk`);
    await child.result();
    await keep('replicate-waited', child);
  });
}

/** Every breaker is open: the run waits, and is told that a store is back. */
async function recordBlocked(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  let asked = 0;
  const admit: HoldfastActivities['admit'] = async () =>
    (asked += 1) > 1 ? PLAN : { ...PLAN, blocked: { reason: 'no store can be used', patienceMs: 60_000 } };
  await withWorkers(env, { admit }, async ({ start }) => {
    const handle = await start('backup', backupRunId('blocked'), input('blocked'));
    await until(async () => {
      const { events } = await handle.fetchHistory();
      return events!.some((event) => event.timerStartedEventAttributes);
    });
    await handle.signal(SIGNAL.storeRecovered, 'disk');
    await handle.result();
    await keep('blocked', handle);
  });
}

/** A store goes down, is claimed for a trial, and comes back; a copy that waits for it is told. */
async function recordStoreHealth(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const limits = { ...DEFAULT_WATCH_LIMITS, openAfter: 1, closeAfter: 1 };
  let up = false;
  let tries = 0;
  const watchStore: HoldfastActivities['watchStore'] = async ({ store, status, reports }) => {
    let known = { status: status ?? untriedStatus(store, Date.now()), events: [] as StoreEvent[] };
    const see = (seen: Observation) => {
      const next = observe(known.status, seen, limits);
      known = { status: next.status, events: [...known.events, ...next.events] };
    };
    for (const report of reports) see(report);
    while (known.events.length === 0 && !Context.current().cancellationSignal.aborted) {
      Context.current().heartbeat();
      const ready = status?.breaker.state !== 'open' || up;
      const fault = up ? null : { code: 'STORE_UNREACHABLE', message: 'refused', hint: '' };
      if (ready && (!up || status?.breaker.state === 'open'))
        see({ id: `${Date.now()}`, source: 'probe', at: Date.now(), ok: up, latencyMs: up ? 3 : null, fault });
      await delay(50);
    }
    return known;
  };
  const fillStore: HoldfastActivities['fillStore'] = async () => {
    if ((tries += 1) === 1) throw failure('RUN_BREAKER_OPEN');
    return { copiedObjects: 1, copiedBytes: 1 };
  };
  await withWorkers(env, { watchStore, fillStore }, async ({ start }) => {
    const handle = await start('storeHealth', storeHealthId('cloud'), { store: 'cloud' });
    const isNow = async (state: string) =>
      (await handle.query<StoreStatus | null>(STATUS_QUERY))?.breaker.state === state;
    await until(() => isNow('open'));
    await handle.executeUpdate(CLAIM_TRIAL_UPDATE, { args: ['shop'] });
    const waiting = { database: 'told', backupId: 'b', store: 'cloud', heal: false, patienceMs: 600_000 };
    const child = await start('replicateCopy', 'replicate/told/b/cloud', { ...waiting, proveGrade: null, tell: null });
    await until(async () => {
      const { events } = await child.fetchHistory();
      return events!.some((event) => event.timerStartedEventAttributes);
    });
    up = true;
    await until(() => isNow('closed'));
    await child.result();
    await keep('replicate-told', child);
    await handle.signal(SIGNAL.end);
    await handle.result();
    await keep('store-health', handle);
  });
}

/** One place: two backups, a proof that an emergency stop interrupts, and a restore that waits for nobody. */
async function recordHeavyWork(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const station = await heavyStation(env, { heavy: 1 });
  try {
    const first = await station.backup('first');
    await station.isDoing('first');
    await station.backup('second');
    await station.waits(1);
    const restored = await station.restore('second');
    await station.isDoing('restore of second');
    station.letGo('first', 'second', 'restore of second', 'proof of first', 'proof of second');
    const proof = await station.proof('third');
    await station.isDoing('proof of third');
    station.stop.text = 'a recording';
    await until(() => !station.doing.has('proof of third'));
    station.stop.text = null;
    station.letGo('*');
    await Promise.all([first.result(), proof.result(), restored.result()]);
    await until(async () => (await station.queue()).running.length === 0);
    await keep('heavy-work', station.keeper);
    await keep('proof-in-turn', proof);
    await keep('restore-in-turn', restored);
    await keep('in-turn', first);
  } finally {
    await station.end();
  }
}

/** A backup that waits for its window, until somebody lets it start now. */
async function recordWaited(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const opensAt = new Date(Date.now() + 600_000).toISOString();
  const station = await heavyStation(env, {
    changes: {
      admit: async ({ type }) => ({
        ...PLAN,
        type,
        start: { wait: { reason: 'outside of its windows', until: opensAt, strict: false }, trial: null },
      }),
    },
  });
  try {
    station.letGo('*');
    const run = await station.backup('waited');
    await until(async () => (await run.query<BackupProgress>(PROGRESS_QUERY)).waiting?.for === 'opening');
    await run.signal(SIGNAL.startNow, { by: 'ana', why: 'month-end' });
    await run.result();
    await keep('waited', run);
  } finally {
    await station.end();
  }
}

async function until(check: () => unknown): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; await delay(20)) {
    if (await check()) return;
    if (Date.now() > deadline) throw new Error('the situation did not come about');
  }
}
