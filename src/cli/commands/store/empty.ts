/** Deleting what a retired store still holds: what would go, what stands in the way, and the deletion itself. */
import { randomBytes } from 'node:crypto';
import type { Catalog } from '../../../catalog/types';
import { isGood } from '../../../domain/copy-state';
import { deletionObstacles, lifeOf, type RetiredCopy, type RetirementObstacle } from '../../../domain/store-life';
import { cliError } from '../../../errors/cli';
import { manifestKey } from '../../../repository/layout';
import type { Removed } from '../../../repository/remove-all';
import { newCanaryKey } from '../../../storage/canary';
import type { CliContext } from '../../context';
import { load } from '../../lazy';
import { formatBytes, plural } from '../../output/format';
import { createProgress, withSpinner } from '../../output/progress';

export interface Emptying {
  readonly obstacles: readonly RetirementObstacle[];
  /** What would go now. */
  readonly found: Removed;
}

/** Reads listings at the store, and asks the other stores for the manifests of the same backups. */
export async function previewEmptying(context: CliContext, name: string): Promise<Emptying> {
  const store = await context.store(name);
  const repositoryId = await repositoryOf(context);
  const { signal } = context;
  return withSpinner(context.ui, `looking at what ${name} holds`, async () => {
    const found = await load.removeAll().removeRepository({ store, repositoryId, signal, dryRun: true });
    await assertOwnPlace(context, name);
    return { found, obstacles: deletionObstacles(await copiesLeft(context, name)) };
  });
}

/** Deletes; refuses when a copy elsewhere was lost, or the store came back into use, since it was decided. */
export async function emptyStore(context: CliContext, name: string): Promise<Removed> {
  const { signal } = context;
  const catalog = await context.catalog();
  await assertOwnPlace(context, name);
  const obstacles = deletionObstacles(await copiesLeft(context, name));
  if (obstacles.length > 0)
    throw cliError('CLI_STORE_RETIRE_REFUSED', obstacles[0]!.sentence, {
      context: { store: name, backups: obstacles.map(({ backupId }) => backupId).join(',') },
    });
  const audit = (action: string, details: Record<string, unknown>) =>
    catalog.audit({ actor: context.who, action, details: { store: name, ...details }, at: context.ui.now() });
  await audit('store.emptying', {});
  const view = createProgress(context.ui);
  try {
    const removed = await load.removeAll().removeRepository({
      store: await context.store(name),
      repositoryId: await repositoryOf(context),
      signal,
      assertRetired: () => assertRetired(catalog, name),
      onProgress: (soFar) => {
        const line = `${name}: ${removedText(soFar)} deleted`;
        view.show({ block: [line], line, key: 'empty', data: soFar });
      },
    });
    await audit(removed.locked > 0 ? 'store.emptied-in-part' : 'store.emptied', { ...removed });
    if (removed.locked === 0) await catalog.saveMeasurement({ store: name, at: context.ui.now(), databases: [] });
    return removed;
  } finally {
    view.stop();
  }
}

export function removedText({ objects, bytes }: Pick<Removed, 'objects' | 'bytes'>): string {
  return `${plural(objects, 'object')} (${formatBytes(bytes)})`;
}

/** What is to be known of what stays: `3 locked objects …`, `2 objects of others …`. */
export function leftText({ locked, others, example }: Removed): readonly string[] {
  return [
    ...(locked > 0
      ? [`${plural(locked, 'object')} cannot go yet (a lock, or a retention policy): give the command again then`]
      : []),
    ...(others > 0
      ? [`${plural(others, 'object')} that Holdfast did not write, e.g. ${example!.slice(0, 100)}: left alone`]
      : []),
  ];
}

async function assertRetired(catalog: Catalog, store: string): Promise<void> {
  if (lifeOf(await catalog.storeLives(), store) === 'retired') return;
  throw cliError('CLI_STORE_RETIRE_REFUSED', 'the store was taken into use again while it was emptied', {
    context: { store },
    hint: 'what is left there stays; `holdfast store add` fills the store again',
  });
}

/** By the public description of the repository: no key is needed to delete. */
async function repositoryOf(context: CliContext): Promise<string> {
  const config = await context.config();
  const found = await load.storeCheck().configuredRepository(config);
  if (found !== null) return found;
  throw cliError('CLI_KEYS_MISSING', '', { context: { folder: config.keys.repository } });
}

async function storesLeft(context: CliContext, name: string): Promise<readonly string[]> {
  const [config, catalog] = await Promise.all([context.config(), context.catalog()]);
  const lives = await catalog.storeLives();
  return config.stores
    .map((store) => store.name)
    .filter((store) => store !== name && lifeOf(lives, store) !== 'retired');
}

/**
 * Two names for one place (a mount seen twice, a bucket by two adapters) would show every copy at the other store, and lose
 * it there too. What is written here must not appear there.
 */
async function assertOwnPlace(context: CliContext, name: string): Promise<void> {
  const { signal } = context;
  const store = await context.store(name);
  const key = newCanaryKey();
  await store.put(key, randomBytes(16), { signal });
  try {
    for (const other of await storesLeft(context, name))
      if ((await (await context.store(other)).head(key, { signal })) !== null)
        throw cliError('CLI_STORE_RETIRE_REFUSED', `${other} is the same place`, {
          context: { store: name, other },
          hint: 'both names lead to the same objects: take one out of holdfast.yaml, and delete nothing',
        });
  } finally {
    await store.delete([key]).catch(() => undefined);
  }
}

/** Of each backup that the store has a manifest of: what the catalogue knows of it, and where else it really is. */
async function copiesLeft(context: CliContext, name: string): Promise<readonly RetiredCopy[]> {
  const { signal } = context;
  const catalog = await context.catalog();
  const left = await storesLeft(context, name);
  const copies: RetiredCopy[] = [];
  for (const { database, backupId } of await load.removeAll().backupsAt(await context.store(name), signal)) {
    const [job, rows] = await Promise.all([catalog.job(backupId), catalog.copies({ backupId })]);
    const known = job === null ? null : { deleted: job.deletedAt !== null };
    const good = rows.filter(({ store, state }) => left.includes(store) && isGood(state)).map(({ store }) => store);
    const goodAt = known?.deleted === true ? [] : await shownAt(context, good, manifestKey(database, backupId));
    copies.push({ database, backupId, known, goodAt });
  }
  return copies;
}

/** The first of the stores that shows the object; throws what kept the last one from telling when none does. */
async function shownAt(context: CliContext, stores: readonly string[], key: string): Promise<readonly string[]> {
  let failure: unknown = null;
  for (const name of stores) {
    try {
      if ((await (await context.store(name)).head(key, { signal: context.signal })) !== null) return [name];
    } catch (error) {
      context.signal.throwIfAborted();
      failure = error;
    }
  }
  if (failure !== null) throw failure;
  return [];
}
