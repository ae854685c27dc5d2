/** Figures of the stores, from catalogue and configuration, for the commands and doctor. */
import type { BackupJob, Catalog } from '../catalog/types';
import { pricesOf } from '../config/prices';
import type { HoldfastConfig, StoreConfig } from '../config/schema';
import { costReport, type CostReport } from '../domain/cost-report';
import { expectedBackup } from '../domain/quota';
import { usageReport, type UsageReport } from '../domain/usage-report';
import { diskOf, limitsOf } from '../workers/store-terms';

/** Trends look back this far. Milliseconds. */
const HISTORY_MS = 35 * 86_400_000;

/** One report a store, in the configuration's order; `database` leaves only its part. */
export async function usageReports(
  catalog: Catalog,
  config: HoldfastConfig,
  stores: readonly StoreConfig[],
  options: { readonly now: Date; readonly database?: string },
): Promise<readonly UsageReport[]> {
  const { now, database } = options;
  const expected = new Map<string, { readonly bytes: number; readonly objects: number }>();
  for (const { name } of config.databases) {
    const [last] = await catalog.jobs({ database: name, status: 'completed', limit: 1 });
    expected.set(name, expectedBackup(last ? [last] : [], last?.backupType ?? 'full'));
  }
  return Promise.all(
    stores.map(async (store) => {
      const rows = await catalog.usageHistory({
        store: store.name,
        ...(database === undefined ? {} : { database }),
        since: new Date(now.getTime() - HISTORY_MS),
      });
      return usageReport({
        store: store.name,
        rows,
        limits: limitsOf(store),
        disk: await diskOf(store),
        expected: largest(
          config.databases.filter((one) => keepsAt(one, store.name)).map(({ name }) => expected.get(name)!),
        ),
        now,
      });
    }),
  );
}

/** Stores without prices are left out. */
export async function costReports(
  catalog: Catalog,
  config: HoldfastConfig,
  stores: readonly StoreConfig[],
  options: { readonly from: Date; readonly to: Date; readonly now: Date },
): Promise<readonly CostReport[]> {
  const { from, to } = options;
  const transfers = await catalog.transferSums({ from, to });
  const newest: BackupJob[] = [];
  for (const { name } of config.databases)
    newest.push(...(await catalog.jobs({ database: name, status: 'completed', limit: 1 })));
  const reports: CostReport[] = [];
  for (const store of stores) {
    const prices = pricesOf(store);
    if (prices === null) continue;
    reports.push(
      costReport({
        ...options,
        store: store.name,
        prices,
        rows: await catalog.usageHistory({ store: store.name, since: from }),
        transfers: transfers.filter((one) => one.store === store.name),
        backups: newest
          .filter(({ database }) =>
            keepsAt(
              config.databases.find(({ name }) => name === database)!,
              store.name,
            ),
          )
          .map(({ database, fileSize, segments }) => ({
            database,
            bytes: fileSize ?? 0,
            objects: (segments ?? 0) + 1,
          })),
      }),
    );
  }
  return reports;
}

const keepsAt = ({ stores }: HoldfastConfig['databases'][number], store: string) =>
  stores.length === 0 || stores.includes(store);

function largest(expected: readonly { readonly bytes: number; readonly objects: number }[]) {
  return expected.reduce((most, one) => (one.bytes > most.bytes ? one : most), { bytes: 0, objects: 0 });
}
