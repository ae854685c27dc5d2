/** Which stores may take more, by what the catalogue knows of them and what their disks say now. */
import type { Catalog } from '../catalog/types';
import { decideQuota, expectedBackup, type QuotaDecision } from '../domain/quota';
import { sumUsage } from '../domain/usage';
import { quotaError } from '../errors/quota';
import type { ActivityDeps } from './deps';
import type { Withheld } from './types';

type QuotaDeps = Pick<ActivityDeps, 'terms' | 'catalog'>;

export interface Expected {
  readonly bytes: number;
  readonly objects: number;
}

/** Whether `store` may take `expected` more. */
export async function judgeStore(deps: QuotaDeps, store: string, expected: Expected): Promise<QuotaDecision> {
  const catalog = await deps.catalog();
  return decideQuota(deps.terms.limitsOf(store), {
    ...sumUsage(await catalog.currentUsage({ store })),
    expectedBytes: expected.bytes,
    expectedObjects: expected.objects,
    disk: await deps.terms.diskOf(store),
  });
}

/**
 * Splits the stores of a backup into those that may take it and those that are full. Throws QUOTA_ALL_STORES_FULL when none
 * is left. A store comes back by itself: it is judged again by each run, and by each try to fill it.
 */
export async function admitStores(
  deps: QuotaDeps,
  names: readonly string[],
  database: string,
  expected: Expected,
): Promise<{
  readonly stores: readonly string[];
  readonly withheld: readonly Withheld[];
  readonly notices: readonly string[];
}> {
  const judged = await Promise.all(
    names.map(async (store) => {
      await recordState(deps, store);
      return { store, ...(await judgeStore(deps, store, expected)) };
    }),
  );
  const full = judged.filter(({ state }) => state === 'stop');
  if (full.length === names.length) {
    const said = full.map(({ store, reasons }) => `${store}: ${reasons[0]}`).join('; ');
    throw quotaError('QUOTA_ALL_STORES_FULL', `no store of ${database} has room (${said})`, { context: { database } });
  }
  return {
    stores: judged.filter(({ state }) => state !== 'stop').map(({ store }) => store),
    withheld: full.map(({ store, reasons }) => ({ store, code: 'QUOTA_STORE_FULL', message: reasons.join('; ') })),
    notices: judged.flatMap(({ store, state, reasons }) =>
      state === 'ok'
        ? []
        : [`${store} ${state === 'stop' ? 'is full and is left out' : 'is getting full'}: ${reasons.join('; ')}`],
    ),
  };
}

/** Throws QUOTA_STORE_FULL, which may be tried again, when the store may not take so much. */
export async function assertRoom(deps: QuotaDeps, store: string, expected: Expected): Promise<void> {
  if (expected.bytes === 0 && expected.objects === 0) return;
  await recordState(deps, store);
  const { state, reasons } = await judgeStore(deps, store, expected);
  if (state === 'stop')
    throw quotaError('QUOTA_STORE_FULL', `the store has no room: ${reasons.join('; ')}`, { context: { store } });
}

/**
 * Keeps the store's state, and each change of it in the audit log. The state is that before the largest backup that any of
 * its databases is expected to make next, so that it does not depend on whose turn it is.
 */
export async function recordState(deps: QuotaDeps, store: string): Promise<QuotaDecision> {
  const catalog = await deps.catalog();
  const decision = await judgeStore(deps, store, await largestExpected(catalog, store));
  const at = new Date();
  const reason = decision.reasons.join('; ');
  const before = await catalog.setQuotaState({ store, state: decision.state, reason, at });
  if (before !== null)
    await catalog.audit({
      actor: 'holdfast',
      action: `store.quota.${decision.state}`,
      details: { store, from: before, to: decision.state, reason },
      at,
    });
  return decision;
}

async function largestExpected(catalog: Catalog, store: string): Promise<Expected> {
  const databases = new Set((await catalog.currentUsage({ store })).map(({ database }) => database));
  let largest: Expected = { bytes: 0, objects: 0 };
  for (const database of databases) {
    const jobs = database === '' ? [] : await catalog.jobs({ database, status: 'completed', limit: 1 });
    const expected = expectedBackup(jobs, jobs[0]?.backupType ?? 'full');
    if (expected.bytes > largest.bytes) largest = expected;
  }
  return largest;
}
