/** Reading every object again, a share at a time: what is due, the reading, and marking the copies that are damaged. */
import { Context } from '@temporalio/activity';
import { intactRules, shareFromCatalog } from '../catalog/verification-plan';
import type { Catalog, CopyRow } from '../catalog/types';
import type { ProofGrade } from '../domain/names';
import { MAX_OBJECTS_NAMED, type DamagedCopy, type ShareInput, type ShareRead } from '../domain/verification-runs';
import { manifestKey } from '../repository/layout';
import { backupsNaming } from '../repository/named-slice';
import type { RepositoryKeys } from '../repository/types';
import { Meter } from '../storage/decorators/rate';
import type { ObjectStore } from '../storage/object-store';
import { realTiming } from '../storage/timing';
import { readShare, type BucketResult } from '../verify/read-share';
import { livingStores, openableStores } from './copies';
import type { ActivityDeps } from './deps';
import { withHeartbeat, type Beat } from './heartbeat';
import { createRecordActivities } from './records';
import type { HoldfastActivities } from './types';

/** Damaged copies named in one result; the rest is marked and healed by the next run. */
const MAX_COPIES_NAMED = 50;
const NOTHING_READ = { objects: 0, bytes: 0, missingObjects: 0, damagedObjects: 0, ms: 0, damaged: [] };

type IntactActivities = Pick<HoldfastActivities, 'planIntact' | 'readShare'>;

export function createIntactActivities(deps: ActivityDeps): IntactActivities {
  return {
    async planIntact({ database, stores: asked, share }) {
      const config = deps.database(database);
      const all = await livingStores(deps, database);
      const { open, away } = await openableStores(
        deps,
        asked.length > 0 ? all.filter((store) => asked.includes(store)) : all,
      );
      const catalog = await deps.catalog();
      const now = new Date();
      const ask = (store: string) => ({ store, asked: share, now, costOf: deps.costOf });
      const shares = await Promise.all(
        open.map(async (store) => ({ store, ...(await shareFromCatalog(catalog, config, ask(store))) })),
      );
      const { grade, timeout } = config.verification;
      return { shares, away, leftOver: await damagedCopies(catalog, database, open), grade, timeoutMs: timeout };
    },

    readShare: (input) => {
      const before = Context.current().info.heartbeatDetails as ShareRead | null | undefined;
      const initial = before ?? { ...NOTHING_READ, from: input.from, to: input.to, nextBucket: input.from };
      return withHeartbeat((beat) => read(deps, input, initial, beat), { initial });
    },
  };
}

/** Copies that an earlier run, or a proof, found damaged and that are still not healed. */
async function damagedCopies(catalog: Catalog, database: string, stores: readonly string[]): Promise<DamagedCopy[]> {
  const living = new Set((await catalog.jobs({ database, status: 'completed' })).map(({ backupId }) => backupId));
  return (await catalog.copies({ database }))
    .filter((copy) => copy.state === 'damaged' && stores.includes(copy.store) && living.has(copy.backupId))
    .slice(0, MAX_COPIES_NAMED)
    .map(({ store, backupId, detail }) => ({ store, backupId, objects: [], gradeBefore: null, detail: detail ?? '' }));
}

async function read(deps: ActivityDeps, input: ShareInput, initial: ShareRead, beat: Beat): Promise<ShareRead> {
  const { database, to } = input;
  const catalog = await deps.catalog();
  const store = await deps.stores.open(input.store);
  const keys = await deps.keys();
  const cycleStartedAt = new Date(input.cycleStartedAt);
  await catalog.beginIntactCycle({ database, store: store.name, startedAt: cycleStartedAt });
  const damage = new Damage(deps, catalog, input, store, keys, initial.damaged, beat.signal);
  let state: ShareRead = initial;
  const { maxBytesPerSecond } = intactRules(deps.database(database));
  const meter = maxBytesPerSecond === null ? null : new Meter(maxBytesPerSecond, realTiming);
  // Asked before the manifests are listed: what is complete by then has one.
  let expected: readonly CopyRow[] | null = await catalog.copies({ database, store: store.name });

  await readShare({
    store,
    database,
    keys,
    from: Math.max(input.from, initial.nextBucket),
    to,
    signal: beat.signal,
    pass: meter ? (bytes, signal) => meter.pass(bytes, signal) : undefined,
    async onManifests({ manifests, refused }) {
      for (const { backupId, code, message } of refused) await damage.mark(backupId, [], `${code}: ${message}`);
      const present = new Set([...manifests.keys(), ...refused.map(({ backupId }) => backupId)]);
      for (const { backupId, state: known } of expected ?? [])
        if ((known === 'complete' || known === 'proved') && !present.has(backupId))
          await damage.withoutManifest(backupId);
      expected = null;
    },
    async onBucket(bucket: BucketResult) {
      const { missing, damaged } = bucket;
      const confirmed = await damage.attribute(missing, damaged);
      const lost = missing.filter((object) => confirmed.has(object)).length;
      const broken = damaged.filter((object) => confirmed.has(object)).length;
      state = {
        ...state,
        nextBucket: bucket.bucket + 1,
        objects: state.objects + bucket.objects,
        bytes: state.bytes + bucket.bytes,
        missingObjects: state.missingObjects + lost,
        damagedObjects: state.damagedObjects + broken,
        ms: Math.round(state.ms + bucket.ms),
        damaged: damage.named,
      };
      // Last: what moves the cursor on must not be cut off from what was found.
      await catalog.recordBucket({
        database,
        store: store.name,
        cycleStartedAt,
        bucket: bucket.bucket,
        at: new Date(),
        bytes: bucket.bytes,
        objects: bucket.objects,
        damaged: lost + broken,
        ms: bucket.ms,
      });
      beat.report(state);
      deps.observeRead?.({ database, store: store.name, ...bucket, damaged: lost + broken });
    },
  });
  const cost = deps.costOf(store.name, state);
  return { ...state, nextBucket: to, damaged: damage.named, cost };
}

/** Finds out whose copies are concerned, and writes that down at once: nobody should read from them. */
class Damage {
  private readonly copies = new Map<string, DamagedCopy>();

  constructor(
    private readonly deps: ActivityDeps,
    private readonly catalog: Catalog,
    private readonly input: ShareInput,
    private readonly store: ObjectStore,
    private readonly keys: RepositoryKeys,
    known: readonly DamagedCopy[],
    private readonly signal: AbortSignal,
  ) {
    for (const copy of known) this.copies.set(copy.backupId, copy);
  }

  get named(): readonly DamagedCopy[] {
    return [...this.copies.values()].slice(0, MAX_COPIES_NAMED);
  }

  /** Those of the objects that a manifest still names: what was deleted meanwhile is no damage. */
  async attribute(missing: readonly string[], damaged: readonly string[]): Promise<ReadonlySet<string>> {
    const objects = new Set([...missing, ...damaged]);
    if (objects.size === 0) return objects;
    const { database } = this.input;
    const { store, keys, signal } = this;
    const lost = new Set(missing);
    const confirmed = new Set<string>();
    for (const [backupId, named] of await backupsNaming({ store, database, keys, signal }, objects)) {
      const gone = named.filter((object) => lost.has(object)).length;
      const parts = [
        gone > 0 ? `${gone} missing` : null,
        named.length > gone ? `${named.length - gone} damaged` : null,
      ].filter((part) => part !== null);
      const detail = `VERIFY_OBJECTS_DAMAGED: objects ${parts.join(' and ')}, such as ${named[0]}`;
      if (await this.mark(backupId, named, detail)) for (const object of named) confirmed.add(object);
    }
    return confirmed;
  }

  /** A copy that the catalogue knows and whose manifest the listing lacks; looked at once more. */
  async withoutManifest(backupId: string): Promise<void> {
    const { database } = this.input;
    if (await this.store.head(manifestKey(database, backupId), { signal: this.signal })) return;
    await this.mark(backupId, [], 'REPO_MANIFEST_MISSING: the store has no manifest of it');
  }

  /** False when the backup is deleted. `objects` empty = all of the copy is to be read again. */
  async mark(backupId: string, objects: readonly string[], detail: string): Promise<boolean> {
    const { database, requestedBy } = this.input;
    const store = this.store.name;
    const job = await this.catalog.job(backupId);
    if (job === null || job.deletedAt !== null) return false;
    const [before] = await this.catalog.copies({ backupId, store });
    const known = this.copies.get(backupId);
    const gradeBefore: ProofGrade | null = known?.gradeBefore ?? before?.grade ?? null;
    const all = [...new Set([...(known?.objects ?? []), ...objects])];
    const whole = objects.length === 0 || known?.objects.length === 0 || all.length > MAX_OBJECTS_NAMED;
    this.copies.set(backupId, { store, backupId, objects: whole ? [] : all, gradeBefore, detail });
    if (before?.state === 'damaged') return true;
    await createRecordActivities(this.deps).recordCopy({
      database,
      backupId,
      store,
      state: 'damaged',
      grade: null,
      detail,
    });
    await this.catalog.audit({
      actor: requestedBy,
      action: 'verify.damaged',
      database,
      backupId,
      details: { store, detail },
      at: new Date(),
    });
    return true;
  }
}
