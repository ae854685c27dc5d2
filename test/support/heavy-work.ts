/** Workers whose heavy work stands still until the test lets it go, with the real asking for places and a catalogue of one row. */
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createHeavyWorkActivities } from '../../src/activities/heavy-work';
import { createRunActivities } from '../../src/activities/runs';
import { DEFAULT_TIMING, type TimingDefaults } from '../../src/activities/deps';
import type { HoldfastActivities } from '../../src/activities/types';
import type { Catalog } from '../../src/catalog/types';
import { QUEUE_QUERY } from '../../src/domain/messages';
import type { HeavyQueue } from '../../src/domain/load/places';
import { DEFAULT_RULES, type Priority } from '../../src/domain/load/rules';
import { backupRunId, heavyWorkId, restoreId, verifyId } from '../../src/workflows/ids';
import { dumpResult, fakeActivities, PLAN } from './fake-activities';
import { startWorkers } from './temporal';

export interface HeavyStation {
  readonly heavy?: number;
  readonly timing?: Partial<TimingDefaults>;
  readonly changes?: Partial<HoldfastActivities>;
}

export async function reached(check: () => unknown, what: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await delay(30)) {
    if (await check()) return;
    if (Date.now() > deadline) throw new Error(`not reached: ${what}`);
  }
}

const PLACE_TIMING = { askAgainMs: 1_000, placePatienceMs: 20_000, lookAtPlacesMs: 1_000 };

export async function heavyStation(env: TestWorkflowEnvironment, { heavy = 2, timing, changes }: HeavyStation = {}) {
  const priorities = new Map<string, Priority>();
  const doing = new Set<string>();
  const begun: string[] = [];
  const free = new Set<string>();
  const stop: { text: string | null } = { text: null };
  const catalog = {
    standingStop: async () => stop.text && { by: 'ana', why: stop.text, since: new Date() },
  } as unknown as Catalog;
  const stand = async (name: string) => {
    begun.push(name);
    doing.add(name);
    try {
      while (!free.has(name) && !free.has('*')) {
        Context.current().heartbeat();
        await Context.current().sleep(30);
      }
    } finally {
      doing.delete(name);
    }
  };
  const plain = fakeActivities().activities;
  const fakes = fakeActivities({
    ...createRunActivities(),
    ...createHeavyWorkActivities({
      load: {
        rulesOf: (name) => ({ ...DEFAULT_RULES, priority: priorities.get(name) ?? 'normal' }),
        heavy,
        of: () => null,
        sessions: undefined as never,
        log: () => undefined,
      },
      catalog: async () => catalog,
      timing: { ...DEFAULT_TIMING, ...PLACE_TIMING, ...timing },
    }),
    admit: async ({ type }) => ({
      ...PLAN,
      type,
      verification: { grade: 'exact', stores: 'one' },
      enforceRetention: false,
      start: { wait: null, trial: null },
    }),
    dump: async ({ database }) => {
      await stand(database);
      return dumpResult();
    },
    proveStore: async (input) => {
      await stand(`proof of ${input.database}`);
      return plain.proveStore(input);
    },
    restoreBackup: async (input) => {
      await stand(`restore of ${input.database}`);
      return plain.restoreBackup(input);
    },
    ...changes,
  });
  const workers = await startWorkers(env, fakes.activities);
  const started: WorkflowHandle[] = [];
  const start = async (type: string, workflowId: string, input: object) => {
    const args = [{ requestedBy: 'a test', ...input }];
    const handle = await env.client.workflow.start(type, { taskQueue: workers.workflowQueue, workflowId, args });
    started.push(handle);
    return handle;
  };
  const keeper = env.client.workflow.getHandle(heavyWorkId(workers.prefix));
  return {
    ...fakes,
    workers,
    priorities,
    stop,
    begun,
    doing,
    keeper,
    backup: (database: string, input: object = {}) =>
      start('backup', backupRunId(database), { database, type: 'full', ...input }),
    proof: (database: string) =>
      start('verifyCopy', verifyId(database, 'b', 'disk'), { database, backupId: 'b', store: 'disk', grade: 'exact' }),
    restore: (database: string) => start('restore', restoreId(database, 'one'), { database, backupId: 'b' }),
    start,
    queue: () => keeper.query<HeavyQueue>(QUEUE_QUERY),
    letGo: (...names: string[]) => names.forEach((name) => free.add(name)),
    isDoing: (name: string) => reached(() => doing.has(name), `${name} is under way`),
    async waits(count: number) {
      await reached(
        async () => (await keeper.query<HeavyQueue>(QUEUE_QUERY).catch(() => null))?.waiting.length === count,
        `${count} wait`,
      );
    },
    async end() {
      free.add('*');
      for (const handle of started) await handle.terminate().catch(() => undefined);
      await keeper.terminate().catch(() => undefined);
      await workers.stop();
    },
  };
}
