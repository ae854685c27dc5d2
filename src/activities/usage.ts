/** Measures a store by listing it: the truth that estimates are put right with. */
import { activityInfo } from '@temporalio/activity';
import { sumUsage } from '../domain/usage';
import { measureStore, type Measurement } from '../repository/measure';
import type { ActivityDeps } from './deps';
import { withHeartbeat } from './heartbeat';
import { recordState } from './quota';
import type { HoldfastActivities } from './types';

type UsageDeps = Pick<ActivityDeps, 'stores' | 'terms' | 'catalog'>;

/** Heartbeats stay small: with more databases than this a broken-off listing starts again. */
const MOST_CARRIED = 200;

export function createUsageActivities(deps: UsageDeps): Pick<HoldfastActivities, 'measureStore'> {
  return {
    measureStore: ({ store }) =>
      withHeartbeat(async (beat) => {
        const startedAt = performance.now();
        const opened = await deps.stores.open(store);
        const measured = await measureStore({
          store: opened,
          from: carried(activityInfo().heartbeatDetails),
          signal: beat.signal,
          onProgress: (now) => beat.report(Object.keys(now.sums).length <= MOST_CARRIED ? now : null),
        });
        const databases = Object.entries(measured.sums).map(([database, sum]) => ({ database, ...sum }));
        const catalog = await deps.catalog();
        await catalog.saveMeasurement({ store, at: new Date(), databases });
        await recordState(deps, store);
        return {
          store,
          ...sumUsage(databases),
          durationMs: Math.round(performance.now() - startedAt),
          error: null,
        };
      }),
  };
}

/** What the attempt before had counted, when it said so. */
function carried(details: unknown): Measurement | undefined {
  const found = details as Partial<Measurement> | null | undefined;
  return found && typeof found.after === 'string' && typeof found.sums === 'object'
    ? { after: found.after, sums: found.sums }
    : undefined;
}
