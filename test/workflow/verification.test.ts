/** The workflows `rotation` and `intactShare` on a real Temporal server, with activities that the test states. */
import { CancelledFailure, Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { HoldfastActivities } from '../../src/activities/types';
import { PLAN_QUERY } from '../../src/domain/messages';
import type { IntactPlan, IntactResult, PlannedShare, RotationResult } from '../../src/domain/verification-runs';
import { intactId, rotationId, verifyId } from '../../src/workflows/ids';
import { failure, fakeActivities } from '../support/fake-activities';
import { startTemporal, startWorkers } from '../support/temporal';

let env: TestWorkflowEnvironment;
beforeAll(async () => void (env = await startTemporal()), 60_000);
afterAll(() => env.teardown());

let count = 0;
type Calls = ReturnType<typeof fakeActivities>['calls'];

/** Starts one of the two, waits for it, and gives what it answered, or the error that it failed with. */
async function run<Result>(
  type: 'rotation' | 'intactShare',
  changes: Partial<HoldfastActivities>,
  meanwhile: (handle: WorkflowHandle, start: typeof env.client.workflow.start) => Promise<void> = async () => undefined,
): Promise<{ result: Result; error: unknown; calls: Calls; handle: WorkflowHandle; database: string }> {
  const database = `db${(count += 1)}`;
  const { activities, calls } = fakeActivities(changes);
  const workers = await startWorkers(env, activities);
  try {
    const input = { database, requestedBy: 'a test', stores: [], share: 'due' };
    const workflowId = type === 'rotation' ? rotationId(database) : intactId(database);
    const handle = await env.client.workflow.start(type, {
      taskQueue: workers.workflowQueue,
      workflowId,
      args: [input],
    });
    await meanwhile(handle, env.client.workflow.start.bind(env.client.workflow));
    let error: unknown = null;
    const result = (await handle.result().catch((caught: unknown) => void (error = caught))) as Result;
    return { result, error, calls, handle, database };
  } finally {
    await workers.stop();
  }
}

const damage = { class: 'data' as const, code: 'REPO_SEGMENT_DAMAGED', message: 'bad', hint: 'heal' };
const proofOf =
  (good: () => boolean): HoldfastActivities['proveStore'] =>
  async ({ store, backupId, grade }) => {
    const ok = good();
    return {
      store,
      backupId,
      grade: ok ? grade : null,
      durationMs: 7,
      restoreMs: 3,
      rows: 12,
      failure: ok ? null : damage,
    };
  };

describe('a turn of the rotation', () => {
  test('proves the copy whose turn it is, says before what that reads, and notes how it ended', async () => {
    const { result, calls, handle } = await run<RotationResult>('rotation', {});
    expect(result).toMatchObject({ outcome: 'proved', turn: { store: 'disk' }, measured: { bytes: 600, ms: 5 } });
    expect(result.proof).toMatchObject({ grade: 'exact', failure: null });
    expect(calls.list).toEqual(['planRotation', 'proveStore:disk', 'recordCopy:disk=proved', 'finishTurn:proved']);
    const { events } = await handle.fetchHistory();
    expect(events!.length).toBeLessThan(40);
  }, 60_000);

  test('says whose turn it is while it is at it', async () => {
    let asked: unknown;
    let release = false;
    await run<RotationResult>(
      'rotation',
      {
        proveStore: async (input) => {
          while (!release) {
            Context.current().heartbeat();
            await Context.current().sleep(20);
          }
          return proofOf(() => true)(input);
        },
      },
      async (handle) => {
        while (!asked) asked = await handle.query(PLAN_QUERY);
        release = true;
      },
    );
    expect(asked).toMatchObject({ turn: { store: 'disk', estimate: { bytes: 600 } }, copies: 2 });
  }, 60_000);

  test('heals a damaged copy, proves it again, and says so', async () => {
    let proofs = 0;
    const { result, calls } = await run<RotationResult>('rotation', { proveStore: proofOf(() => (proofs += 1) > 1) });
    expect(result).toMatchObject({ outcome: 'healed', proof: { grade: 'exact', failure: null, healed: true } });
    expect(calls.of('fillStore')).toEqual(['fillStore:disk heal']);
    expect(calls.list.at(-1)).toBe('finishTurn:healed');
  }, 60_000);

  test('ends well with the verdict when the copy cannot be healed', async () => {
    const { result, error, calls } = await run<RotationResult>('rotation', { proveStore: proofOf(() => false) });
    expect(error).toBeNull();
    expect(result).toMatchObject({ outcome: 'failed', proof: { failure: { code: 'REPO_SEGMENT_DAMAGED' } } });
    expect(calls.list.at(-1)).toBe('finishTurn:failed');
  }, 60_000);

  test('is noted also when the proof itself could not be made, and fails with its code', async () => {
    const proveStore = () => Promise.reject(failure('SCRATCH_DIR_UNFIT'));
    const { error, calls } = await run<RotationResult>('rotation', { proveStore });
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'SCRATCH_DIR_UNFIT' });
    expect(calls.list.at(-1)).toBe('finishTurn:failed');
  }, 60_000);

  test('proves nothing where no copy can be read', async () => {
    const skipped = [{ store: 'disk', reason: 'STORE_UNREACHABLE: down' }];
    const planRotation = async () => ({ turn: null, copies: 3, overdue: 1, skipped });
    const { result, calls } = await run<RotationResult>('rotation', { planRotation });
    expect(result).toMatchObject({ outcome: 'none', copies: 3, overdue: 1, skipped });
    expect(calls.list).toEqual(['planRotation']);
  }, 60_000);

  test('leaves a copy alone that another run is proving', async () => {
    let other: WorkflowHandle | null = null;
    const database = `db${count + 1}`;
    const { result, calls } = await run<RotationResult>('rotation', {
      planRotation: async (input) => {
        // On a queue that nobody serves: it holds the id and does nothing.
        other ??= await env.client.workflow.start('verifyCopy', {
          taskQueue: 'nobody',
          workflowId: verifyId(database, 'b', 'disk'),
          args: [],
        });
        return fakeActivities().activities.planRotation(input);
      },
    });
    await other!.terminate('the test ended');
    expect(result).toMatchObject({ outcome: 'busy', proof: null });
    expect(calls.list).toEqual(['planRotation', 'finishTurn:busy']);
  }, 60_000);

  test('that is cancelled stops the proof, and is noted', async () => {
    let proving = false;
    const { error, calls } = await run<RotationResult>(
      'rotation',
      {
        proveStore: async () => {
          proving = true;
          for (;;) {
            Context.current().heartbeat();
            await Context.current().sleep(20);
          }
        },
      },
      async (handle) => {
        while (!proving) await new Promise((resolve) => setTimeout(resolve, 20));
        await handle.cancel();
      },
    );
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    expect(calls.list.at(-1)).toBe('finishTurn:failed');
  }, 60_000);
});

const share = (store: string, changes: Partial<PlannedShare> = {}): PlannedShare => ({
  store,
  from: 9,
  to: 18,
  cycleStartedAt: 0,
  opensCycle: false,
  lateMs: 0,
  why: 'the regular share',
  estimate: { bytes: 600, objects: 3, ms: 5, cost: null },
  ...changes,
});
const plan =
  (changes: Partial<IntactPlan> = {}) =>
  async (): Promise<IntactPlan> => ({
    shares: [share('disk'), share('cloud')],
    away: [],
    leftOver: [],
    grade: 'exact',
    timeoutMs: 60_000,
    ...changes,
  });
const damagedAt = (store: string, backupId = 'b') => ({
  store,
  backupId,
  objects: ['c0ffee'],
  gradeBefore: 'restored' as const,
  detail: 'VERIFY_OBJECTS_DAMAGED: objects 1 damaged',
});
const reading =
  (found: (store: string) => ReturnType<typeof damagedAt>[]): HoldfastActivities['readShare'] =>
  async ({ store, from, to }) => ({
    from,
    to,
    nextBucket: to,
    objects: 3,
    bytes: 600,
    missingObjects: 0,
    damagedObjects: found(store).length,
    ms: 5,
    damaged: found(store),
  });

describe('reading a share of the objects', () => {
  test('reads each store that has something due', async () => {
    const shares = [share('disk'), share('cloud'), share('rest', { from: 256, to: 256 })];
    const { result, calls } = await run<IntactResult>('intactShare', { planIntact: plan({ shares }) });
    expect(calls.of('readShare').sort()).toEqual(['readShare:cloud 9-18', 'readShare:disk 9-18']);
    expect(result.shares.map(({ store, measured }) => [store, measured?.bytes ?? null])).toEqual([
      ['disk', 600],
      ['cloud', 600],
      ['rest', null],
    ]);
    expect(result).toMatchObject({ healed: [], postponed: 0 });
  }, 60_000);

  test('a store that fails holds up no other', async () => {
    const readShare: HoldfastActivities['readShare'] = async (input) => {
      if (input.store === 'disk') throw failure('STORE_ACCESS_DENIED');
      return reading(() => [])(input);
    };
    const { result, error } = await run<IntactResult>('intactShare', { planIntact: plan(), readShare });
    expect(error).toBeNull();
    expect(result.shares).toMatchObject([
      { store: 'disk', read: null, error: { code: 'STORE_ACCESS_DENIED' } },
      { store: 'cloud', error: null },
    ]);
  }, 60_000);

  test('a damaged copy is healed, only in what is damaged, and proved again as far as before', async () => {
    const filled: unknown[] = [];
    const proved: unknown[] = [];
    const fake = fakeActivities().activities;
    const { result, calls } = await run<IntactResult>('intactShare', {
      planIntact: plan(),
      readShare: reading((store) => (store === 'cloud' ? [damagedAt('cloud')] : [])),
      fillStore: async (input) => {
        filled.push(input);
        return fake.fillStore(input);
      },
      proveStore: async (input) => {
        proved.push(input);
        return fake.proveStore(input);
      },
    });
    expect(filled).toMatchObject([{ store: 'cloud', heal: true, objects: ['c0ffee'] }]);
    expect(proved).toMatchObject([{ store: 'cloud', grade: 'restored' }]);
    expect(calls.of('recordCopy')).toEqual([
      'recordCopy:cloud=damaged',
      'recordCopy:cloud=complete',
      'recordCopy:cloud=proved',
    ]);
    expect(result.healed).toEqual([
      { store: 'cloud', backupId: 'b', state: 'proved', grade: 'restored', copiedObjects: 4, failure: null },
    ]);
  }, 60_000);

  test('what an earlier run left damaged is healed too, read whole, and newest first', async () => {
    const leftOver = [damagedAt('disk', 'a'), damagedAt('disk', 'c')].map((copy) => ({
      ...copy,
      objects: [],
      gradeBefore: null,
    }));
    const filled: { backupId: string; objects?: readonly string[] }[] = [];
    const fake = fakeActivities().activities;
    const { result } = await run<IntactResult>('intactShare', {
      planIntact: plan({ leftOver }),
      readShare: reading((store) => (store === 'disk' ? [damagedAt('disk', 'a')] : [])),
      fillStore: async (input) => {
        filled.push(input);
        return fake.fillStore(input);
      },
    });
    expect(filled.map(({ backupId, objects }) => [backupId, objects])).toEqual([
      ['c', []],
      ['a', []],
    ]);
    expect(result.healed.map(({ backupId, grade }) => [backupId, grade])).toEqual([
      ['c', 'exact'],
      ['a', 'restored'],
    ]);
  }, 60_000);

  test('a copy that nothing can heal is reported, and the next one is healed all the same', async () => {
    const fake = fakeActivities().activities;
    const { result, error } = await run<IntactResult>(
      'intactShare',
      {
        planIntact: plan(),
        readShare: reading((store) => (store === 'disk' ? [damagedAt('disk', 'a'), damagedAt('disk', 'c')] : [])),
        fillStore: async (input) => {
          if (input.backupId === 'c') throw failure('REPO_NO_GOOD_COPY');
          return fake.fillStore(input);
        },
      },
      async () => undefined,
    );
    expect(error).toBeNull();
    expect(result.healed).toMatchObject([
      { backupId: 'c', state: 'damaged', failure: { code: 'REPO_NO_GOOD_COPY' } },
      { backupId: 'a', state: 'proved', failure: null },
    ]);
  }, 120_000);

  test('many damaged copies keep the history short: the rest is left for the next run', async () => {
    const leftOver = Array.from({ length: 30 }, (_, index) => damagedAt('disk', `b${String(index).padStart(2, '0')}`));
    const { result, handle } = await run<IntactResult>('intactShare', { planIntact: plan({ leftOver, shares: [] }) });
    expect(result.healed).toHaveLength(25);
    expect(result.postponed).toBe(5);
    expect((await handle.fetchHistory()).events!.length).toBeLessThan(500);
  }, 120_000);
});
