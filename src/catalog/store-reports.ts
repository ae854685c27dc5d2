/** Reports on the stores' health from rows of the catalogue. */
import type { StoreRole } from '../domain/names';
import { storeReport, type StoreReport, type WaitingCopy } from '../domain/store-report';
import type { WatchLimits } from '../domain/store-watch';
import type { Catalog, CopyRow } from './types';

type HealthCatalog = Pick<Catalog, 'storeHealth' | 'storeEvents' | 'copies' | 'jobs'>;

/** In the order given. `limits`: null when stores are not watched. */
export async function storeReports(
  catalog: HealthCatalog,
  stores: readonly { readonly name: string; readonly role: StoreRole }[],
  options: { readonly limits: WatchLimits | null; readonly now: Date },
): Promise<readonly StoreReport[]> {
  const { limits, now } = options;
  const rows = limits === null ? [] : await catalog.storeHealth();
  const waiting = await waitingCopies(
    catalog,
    stores.map(({ name }) => name),
  );
  return Promise.all(
    stores.map(async ({ name: store, role }) => {
      const [lastEvent = null] = await catalog.storeEvents({ store, limit: 1 });
      const known = rows.find((row) => row.store === store) ?? null;
      return storeReport({ store, role, known, lastEvent, waiting: waiting.get(store) ?? [] }, limits, now);
    }),
  );
}

/** Copies of living backups that are pending or on their way. */
async function waitingCopies(
  catalog: HealthCatalog,
  stores: readonly string[],
): Promise<ReadonlyMap<string, readonly WaitingCopy[]>> {
  const found = new Map<string, readonly CopyRow[]>();
  for (const store of stores)
    found.set(
      store,
      (await catalog.copies({ store })).filter(({ state }) => state === 'pending' || state === 'copying'),
    );
  if ([...found.values()].every((copies) => copies.length === 0)) return new Map();
  const jobs = new Map((await catalog.jobs({ status: 'completed' })).map((job) => [job.backupId, job]));
  return new Map(
    [...found].map(([store, copies]) => [
      store,
      copies.flatMap(({ database, backupId, updatedAt, detail }) => {
        const job = jobs.get(backupId);
        if (job === undefined || job.deletedAt !== null) return [];
        return [{ database, backupId, since: updatedAt.toISOString(), bytes: job.fileSize ?? 0, detail }];
      }),
    ]),
  );
}
