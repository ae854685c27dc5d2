/** One attempt of a dump: adopt what an earlier attempt committed, or read, seal, store and commit. */
import { activityInfo, log } from '@temporalio/activity';
import { backupTypeOf } from '../domain/names';
import { errorFacts, isHoldfastError } from '../errors/holdfast-error';
import { quietAfter } from '../domain/load/lock-verdict';
import { createGovernor } from '../load/create-governor';
import { awaitCalm } from '../load/lock-calm';
import type { DumpRequest, DumpSummary, LogicalDumpOptions } from '../engines/engine';
import { findCommitted } from '../repository/commit';
import { manifestKey } from '../repository/layout';
import { readInventory } from '../repository/reader';
import type { CommitResult, WriterOptions } from '../repository/types';
import { createBackupWriter } from '../repository/writer';
import { tallied, type RequestTally } from '../storage/tally';
import type { ObjectStore } from '../storage/object-store';
import { createCatalogJournal } from './journal';
import type { ActivityDeps } from './deps';
import { createProgressMeter } from './dump-progress';
import { reportDump } from './dump-signals';
import { guardLocks } from './lock-guard';
import { guardWatch } from './watch-guard';
import { withHeartbeat, type Beat } from './heartbeat';
import { createDumpReports, type DumpReports } from './dump-reports';
import { openSome, type Unopened } from './open-stores';
import { recordTally } from './transfers';
import type { DumpInput, DumpResult, HoldfastActivities, StoreTransfer } from './types';

/** How often counters go into heartbeats, and are looked at for a progress signal. */
const LOOK_MS = 250;
/** Files of big tables are cut at this many segments. */
const RANGE_SEGMENTS = 16;

/** Those that a dump gave way to are waited for no longer than this; then `lockTimeout` says who is in the way. */
const LET_THROUGH_MS = 600_000;

/** After a snapshot was given up for others, what was read already is stored for at most this time. */
const STORE_REST_MS = 10_000;

export function createDumpActivities(deps: ActivityDeps): Pick<HoldfastActivities, 'dump'> {
  return { dump: (input) => withHeartbeat((beat) => countedDump(deps, input, beat)) };
}

/** The counts of an attempt that ended well go with its result; those of one that failed into the catalogue at once. */
function countedDump(deps: ActivityDeps, input: DumpInput, beat: Beat): Promise<DumpResult> {
  return tallied(async (tally) => {
    const reports = createDumpReports(deps.health, input);
    try {
      const result = await dump(deps, input, beat, { tally, reports });
      reports.done(result);
      return result;
    } catch (error) {
      const ref = `dump/${input.backupId}/${input.dump}-${activityInfo().attempt}`;
      const { database, backupId } = input;
      await recordTally(deps, { kind: 'dump', database, backupId, staysAt: () => true }, tally, ref);
      throw error;
    } finally {
      await reports.sent();
    }
  });
}

interface Told {
  readonly tally: RequestTally;
  readonly reports: DumpReports;
}

async function dump(deps: ActivityDeps, input: DumpInput, beat: Beat, told: Told): Promise<DumpResult> {
  const { database, backupId } = input;
  const { signal } = beat;
  const { tally, reports } = told;
  const { stores, unopened } = await openSome(deps, input, reports, signal);
  const keys = await deps.keys();

  const found = await findCommitted(stores, keys, database, backupId, signal);
  if (found) {
    const notice = 'an attempt that could not report had committed this backup; it was adopted';
    const sent = await sentByOthers(deps, input, found, stores, signal);
    return resultOf(found, unopened, sent.sentBytes, [notice], adoptedTransfers(found, sent));
  }

  const { maxBytesPerSecond } = deps.load.rulesOf(database);
  const governor = createGovernor({ pace: input.pace, maxBytesPerSecond });
  const forget = deps.governors.add(backupId, { database, governor });
  const { attempt } = activityInfo();
  const meter = createProgressMeter(attempt);
  const reporter = await reportDump(
    { dump: input.dump, attempt, queue: deps.hostQueue },
    {
      workerIdentity: deps.workerIdentity,
      paceSequence: governor.pace.sequence,
      shortestMs: deps.timing.progressMs,
      signal,
    },
  );
  const guard = guardWatch(deps, database, governor, signal);
  let look: NodeJS.Timeout | undefined;
  try {
    const writer = await createBackupWriter({
      ...(await writerOptions(deps, input, stores, signal)),
      gate: governor,
      onBehind: (fact) => reports.behind(fact),
    });
    look = setInterval(() => {
      const progress = meter.now(writer.counters, governor, deps.uploadFigures(stores.map(({ name }) => name)));
      beat.report(progress);
      reporter.maybe(() => progress);
    }, LOOK_MS);
    try {
      const summary = await dumpUnderGuard(deps, input, signal, {
        sink: writer,
        governor,
        onProgress: (progress) => meter.engine(progress),
      });
      const committed = await writer.commit(summary);
      const { uploadedBytes } = writer.counters;
      const sent = committed.adopted
        ? (await sentByOthers(deps, input, committed, stores, signal)).sentBytes
        : uploadedBytes;
      return resultOf(committed, unopened, sent, summary.notices, tally.all());
    } catch (error) {
      // Whoever waited has the locks by now: what is on its way need not be sent twice.
      await writer.abort(isHoldfastError(error, 'PG_SNAPSHOT_YIELDED') ? { graceMs: STORE_REST_MS } : {});
      throw error;
    }
  } finally {
    clearInterval(look);
    reporter.stop();
    guard.stop();
    forget();
  }
}

/** The engine's part, for as long as nobody who waits behind its locks comes first. */
async function dumpUnderGuard(
  deps: ActivityDeps,
  input: DumpInput,
  signal: AbortSignal,
  request: Pick<DumpRequest, 'sink' | 'governor' | 'onProgress'>,
): Promise<DumpSummary> {
  const { database } = input;
  await letThrough(deps, input, signal, request);
  const guard = guardLocks(deps, input, signal);
  try {
    return await deps.engine.dump({
      ...request,
      source: await deps.connection({ database }),
      options: dumpOptions(deps, database),
      signal: AbortSignal.any([signal, guard.signal]),
    });
  } finally {
    await guard.stop();
  }
}

/** Those for whom a dump of this run gave its snapshot up come first. */
async function letThrough(
  deps: ActivityDeps,
  { database, yielded }: DumpInput,
  signal: AbortSignal,
  { onProgress }: Pick<DumpRequest, 'onProgress'>,
): Promise<void> {
  if (yielded === undefined) return;
  onProgress({
    current: 'waiting until nobody needs the locks',
    tablesDone: 0,
    tablesTotal: 0,
    rows: 0,
    plainBytes: 0,
    plainBytesExpected: null,
  });
  const target = () => deps.connection({ database });
  const { times, backends } = yielded;
  const limits = { backends, quietMs: quietAfter(times), atMostMs: LET_THROUGH_MS };
  if (!(await awaitCalm({ target, ...limits }, signal)))
    log.warn('somebody still needs the locks of tables; the dump begins all the same', { database });
}

async function writerOptions(
  deps: ActivityDeps,
  input: DumpInput,
  stores: readonly ObjectStore[],
  signal: AbortSignal,
): Promise<WriterOptions> {
  const { database, backupId, startedAt } = input;
  const catalog = await deps.catalog();
  const { segmentBytes, zstdLevel, inFlight } = deps.writing;
  return {
    keys: await deps.keys(),
    database,
    backupId,
    type: backupTypeOf(backupId),
    startedAt,
    segmentBytes,
    zstdLevel,
    stores,
    inFlight,
    maxLagSegments: inFlight - 1,
    base: await openBase(deps, input, stores, signal),
    journal: createCatalogJournal(catalog, backupId, (error) =>
      log.warn('the journal could not be used; a further attempt would upload again', { error: String(error) }),
    ),
    signal,
  };
}

/** A base that cannot be read costs the reuse, not the backup. */
async function openBase(
  deps: ActivityDeps,
  { database, base }: DumpInput,
  stores: readonly ObjectStore[],
  signal: AbortSignal,
): Promise<WriterOptions['base']> {
  if (base === null) return null;
  const keys = await deps.keys();
  for (const store of stores.filter(({ name }) => base.stores.includes(name))) {
    try {
      const inventory = await readInventory(store, database, base.backupId, keys, signal);
      return { inventory, stores: base.stores };
    } catch (error) {
      signal.throwIfAborted();
      log.warn('the base backup cannot be read at a store', {
        store: store.name,
        base: base.backupId,
        ...errorFacts(error),
      });
    }
  }
  return null;
}

/** Of an adopted backup: what it did not take over from its base. */
async function sentByOthers(
  deps: ActivityDeps,
  input: DumpInput,
  { inventory }: CommitResult,
  stores: readonly ObjectStore[],
  signal: AbortSignal,
): Promise<{ readonly sentBytes: number; readonly objects: number }> {
  const base = await openBase(deps, input, stores, signal);
  const older = new Set(base?.inventory.segments.map(({ object }) => object));
  const fresh = inventory.segments.filter(({ object }) => !older.has(object));
  // The manifest is an object too.
  return { sentBytes: fresh.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0), objects: fresh.length + 1 };
}

/** The attempt that sent it could not tell what it asked; it asked for no less than this. */
function adoptedTransfers(
  { stores }: CommitResult,
  sent: { readonly sentBytes: number; readonly objects: number },
): readonly StoreTransfer[] {
  return stores
    .filter(({ state }) => state === 'committed')
    .map(({ store }) => ({ store, writes: sent.objects, reads: 0, receivedBytes: 0, ...sent }));
}

function dumpOptions(deps: ActivityDeps, database: string): LogicalDumpOptions {
  const config = deps.database(database);
  return {
    readers: config.readers,
    rangeBytes: deps.writing.segmentBytes * RANGE_SEGMENTS,
    includeTables: config.include.tables,
    excludeTables: config.exclude.tables,
    includeSchemas: config.include.schemas,
    excludeSchemas: config.exclude.schemas,
    lockTimeoutMs: config.lockTimeout,
    pauseBudgetMs: config.pauseBudget,
    binDirs: deps.binDirs,
  };
}

function resultOf(
  { inventory, adopted, stores }: CommitResult,
  unopened: readonly Unopened[],
  sentBytes: number,
  notices: readonly string[],
  transfers: readonly StoreTransfer[],
): DumpResult {
  const sealed = inventory.sealedBytes;
  return {
    adopted,
    completedAt: inventory.completedAt,
    rows: inventory.rows,
    plainBytes: inventory.plainBytes,
    sealedBytes: sealed,
    uploadedBytes: sentBytes,
    reusedBytes: Math.max(0, sealed - sentBytes),
    segments: inventory.segments.length,
    location: manifestKey(inventory.database, inventory.backupId),
    committed: stores.filter(({ state }) => state === 'committed').map(({ store }) => store),
    behind: [
      ...unopened,
      ...stores
        .filter(({ state }) => state === 'behind')
        .map(({ store, error }) => ({
          store,
          code: error?.code ?? 'UNKNOWN',
          message: error?.message ?? 'the store fell behind',
        })),
    ],
    notices,
    transfers,
  };
}
