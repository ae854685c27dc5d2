/** Which backups a store lacks: what `fillStoreWithAll` does next. */
import { isGood } from '../domain/copy-state';
import { lifeOf } from '../domain/store-life';
import type { ActivityDeps } from './deps';
import type { HoldfastActivities, StoreFillItem } from './types';

type FillDeps = Pick<ActivityDeps, 'catalog' | 'database'>;

export function createStoreFillActivities(deps: FillDeps): Pick<HoldfastActivities, 'planStoreFill'> {
  return {
    async planStoreFill({ store, databases, skip, limit }) {
      const catalog = await deps.catalog();
      if (lifeOf(await catalog.storeLives(), store) === 'retired') return { items: [], left: 0 };
      const lacking: (StoreFillItem & { readonly at: number })[] = [];
      for (const database of databases) {
        const { grade } = deps.database(database).verification;
        const copies = await catalog.copies({ database });
        for (const { backupId, tombstonedAt, deletedAt, startedAt } of await catalog.jobs({
          database,
          status: 'completed',
        })) {
          if (tombstonedAt !== null || deletedAt !== null || skip.includes(backupId)) continue;
          const mine = copies.filter((copy) => copy.backupId === backupId);
          const here = mine.find((copy) => copy.store === store)?.state;
          // A damaged copy is healed by whoever proved it so: filling would only add what is missing.
          if (here !== undefined && (isGood(here) || here === 'damaged')) continue;
          if (!mine.some((copy) => copy.store !== store && isGood(copy.state))) continue;
          lacking.push({ database, backupId, grade, at: startedAt.getTime() });
        }
      }
      lacking.sort((a, b) => b.at - a.at || (a.backupId < b.backupId ? 1 : -1));
      return {
        items: lacking.slice(0, limit).map(({ database, backupId, grade }) => ({ database, backupId, grade })),
        left: lacking.length,
      };
    },
  };
}
