/** Makes one store hold all that a manifest names, from the copies that can be read; replaces what is damaged when healing. */
import { lifeOf } from '../domain/store-life';
import { orchestrationError } from '../errors/orchestration';
import { fillCopy } from '../repository/fill-copy';
import { deleteBackup } from '../repository/sweep';
import { openReachable, storesOfObjects } from './copies';
import type { ActivityDeps } from './deps';
import { withHeartbeat, type Beat } from './heartbeat';
import { assertRoom } from './quota';
import { restingStores } from './resting';
import { reportThrown } from './store-reports';
import { recorded } from './transfers';
import type { FillResult, HoldfastActivities } from './types';

type FillInput = Parameters<HoldfastActivities['fillStore']>[0];

export function createReplicateActivities(deps: ActivityDeps): Pick<HoldfastActivities, 'fillStore'> {
  return {
    async fillStore(input) {
      try {
        return await withHeartbeat((beat) => {
          const { database, backupId, store, heal } = input;
          // What a heal sends stands mostly where the damaged object stood.
          const staysAt = (name: string) => name === store && !heal;
          const scope = { kind: 'fill', database, backupId, staysAt } as const;
          return recorded(deps, scope, () => fill(deps, input, beat));
        });
      } catch (error) {
        await reportThrown(deps.health, input.store, error);
        throw error;
      }
    },
  };
}

async function fill(deps: ActivityDeps, input: FillInput, beat: Beat): Promise<FillResult> {
  const { database, backupId, heal } = input;
  const catalog = await deps.catalog();
  const isDeleted = async () => ((await catalog.job(backupId))?.deletedAt ?? null) !== null;
  if (lifeOf(await catalog.storeLives(), input.store) === 'retired')
    return { copiedObjects: 0, copiedBytes: 0, gone: true };
  // Left alone: the workflow waits until it is told that the store is back.
  const [resting] = await restingStores(deps, catalog, [input.store]);
  if (resting) throw orchestrationError('RUN_BREAKER_OPEN', resting.reason, { context: { store: input.store } });
  const target = await deps.stores.open(input.store);
  if (await isDeleted()) {
    // An attempt that was cut off may have placed the manifest after the deletion had passed by.
    await deleteBackup({ store: target, database, backupId, signal: beat.signal });
    return { copiedObjects: 0, copiedBytes: 0, gone: true };
  }
  const holders = (await storesOfObjects(deps, database, backupId)).filter((name) => name !== target.name);
  if (holders.length === 0)
    throw orchestrationError('RUN_NO_GOOD_COPY', '', { context: { database, backup: backupId } });
  const sources = await openReachable(deps, holders);
  const filled = await fillCopy({
    sources,
    target,
    database,
    backupId,
    keys: await deps.keys(),
    heal,
    // A damaged copy is healed in a full store too: that adds little, and the copy is needed.
    ...(heal ? {} : { admit: (lacking) => assertRoom(deps, target.name, lacking) }),
    only: input.objects && input.objects.length > 0 ? new Set(input.objects) : undefined,
    isDeleted,
    signal: beat.signal,
    onProgress: (done: number, total: number) =>
      beat.report({ step: heal ? 'heal' : 'fill', done, total, current: null }),
  });
  const { copiedObjects, copiedBytes, withdrawn } = filled;
  return { copiedObjects, copiedBytes, gone: withdrawn };
}
