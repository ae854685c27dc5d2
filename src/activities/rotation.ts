/** Whose turn it is to be proved, and keeping account of turns. */
import { proofEstimate, rotationFromCatalog, rotationRules } from '../catalog/verification-plan';
import { livingStores, openableStores } from './copies';
import type { ActivityDeps } from './deps';
import type { HoldfastActivities } from './types';

type RotationActivities = Pick<HoldfastActivities, 'planRotation' | 'finishTurn'>;
type RotationDeps = Pick<ActivityDeps, 'database' | 'stores' | 'catalog' | 'health' | 'costOf'>;

export function createRotationActivities(deps: RotationDeps): RotationActivities {
  return {
    async planRotation({ database, turnId }) {
      const config = deps.database(database);
      const stores = await livingStores(deps, database);
      const { away } = await openableStores(deps, stores);
      const catalog = await deps.catalog();
      const now = new Date();
      const down = away.map(({ store }) => store);
      const plan = await rotationFromCatalog(catalog, config, stores, { down, now });
      const skipped = away.filter(({ store }) => plan.skipped.includes(store));
      const rest = { copies: plan.copies, overdue: plan.overdue, skipped };
      const [first] = plan.turns;
      if (!first) return { turn: null, ...rest };
      const { grade } = rotationRules(config);
      const { backupId, store } = first.candidate;
      // Before the proof: a turn that never ends must not be taken again and again.
      await catalog.beginTurn({ turnId, database, store, backupId, asked: grade, startedAt: now });
      const estimate = await proofEstimate(catalog, { database, store, backupId, grade }, deps.costOf);
      const timeoutMs = config.verification.timeout;
      return { turn: { backupId, store, grade, why: first.why, estimate, timeoutMs }, ...rest };
    },

    async finishTurn({ turnId, outcome, detail }) {
      const catalog = await deps.catalog();
      await catalog.finishTurn({ turnId, outcome, detail, finishedAt: new Date() });
    },
  };
}
