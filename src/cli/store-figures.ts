/** What the stores cost, from catalogue and configuration, for the commands. */
import type { BackupJob, Catalog } from '../catalog/types';
import { pricesOf } from '../config/prices';
import type { HoldfastConfig, StoreConfig } from '../config/schema';
import { costReport, type CostReport } from '../domain/cost-report';

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
