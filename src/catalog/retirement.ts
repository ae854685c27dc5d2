/** What the catalogue and the config say about retiring a store: one database after another. */
import { complianceFacts, policyStore } from '../config/compliance-facts';
import type { HoldfastConfig } from '../config/schema';
import type { PolicyStore } from '../domain/compliance';
import { countsAsProved } from '../domain/proof';
import { lifeOf, retirementObstacles, type RetirementObstacle } from '../domain/store-life';
import type { Catalog } from './types';

/** Why the store may not be retired now; empty: it may. A store that the config names no more is judged by its copies. */
export async function obstaclesToRetire(
  catalog: Pick<Catalog, 'jobs' | 'copies' | 'storeLives'>,
  config: HoldfastConfig,
  store: string,
): Promise<readonly RetirementObstacle[]> {
  const lives = await catalog.storeLives();
  const known = (await catalog.copies({ store })).map(({ database }) => database);
  const databases = [...new Set([...config.databases.map(({ name }) => name), ...known])];
  const found: RetirementObstacle[] = [];
  for (const database of databases) {
    const { policy, stores } = complianceFacts(config, database);
    const here = stores.filter(({ name }) => lifeOf(lives, name) !== 'retired');
    const settings = config.databases.find(({ name }) => name === database);
    const grade = settings?.verification.grade ?? 'exact';
    const [jobs, copies] = await Promise.all([
      catalog.jobs({ database, status: 'completed' }),
      catalog.copies({ database }),
    ]);
    const vanished = known.includes(database) && !here.some(({ name }) => name === store);
    found.push(
      ...retirementObstacles(store, {
        database,
        policy,
        stores: vanished ? [...here, placeholder(config, store)] : here,
        active: here.filter(({ name }) => lifeOf(lives, name) === 'active').map(({ name }) => name),
        backups: jobs
          .filter(({ deletedAt }) => deletedAt === null)
          .map(({ backupId, tombstonedAt }) => ({
            backupId,
            tombstoned: tombstonedAt !== null,
            copies: copies
              .filter((copy) => copy.backupId === backupId)
              .map((copy) => ({ store: copy.store, state: copy.state, countsAsProved: countsAsProved(copy, grade) })),
          })),
        minProved: settings?.retention.minProved ?? 1,
      }),
    );
  }
  return found;
}

function placeholder(config: HoldfastConfig, name: string): PolicyStore {
  const known = config.stores.find((store) => store.name === name);
  if (known) return policyStore(known);
  const unknown = { account: null, credentials: null, region: null, endpoint: null, bucket: null, disk: null };
  return { name, role: 'secondary', provider: 'unknown', ...unknown };
}
