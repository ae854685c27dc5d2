/** How full the stores are, from catalogue and configuration: for commands, doctor and metrics. */
import type { Catalog } from '../catalog/types';
import type { HoldfastConfig, StoreConfig } from '../config/schema';
import { expectedBackup } from '../domain/quota';
import { usageReport, type UsageReport } from '../domain/usage-report';
import { diskOf, limitsOf } from './store-terms';

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

const keepsAt = ({ stores }: HoldfastConfig['databases'][number], store: string) =>
  stores.length === 0 || stores.includes(store);

function largest(expected: readonly { readonly bytes: number; readonly objects: number }[]) {
  return expected.reduce((most, one) => (one.bytes > most.bytes ? one : most), { bytes: 0, objects: 0 });
}
