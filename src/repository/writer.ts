/** Takes the files of one backup, cuts, seals and stores them at every healthy store at once, and commits last. */
import { setMaxListeners } from 'node:events';
import { freeMemory } from '../domain/free-memory';
import type { DumpSummary, FileSinkHandle } from '../engines/engine';
import { errorFacts, isHoldfastError } from '../errors/holdfast-error';
import { repositoryError } from '../errors/repository';
import { createSealer } from './age';
import { createBudget } from './budget';
import { commitManifest } from './commit';
import { createBufferPool, createCutter, type Cutter, type Piece } from './cutter';
import { askEach } from './grace';
import { createLanes, type Lane } from './lanes';
import { isFilePath, segmentKey } from './layout';
import { buildManifest, type ParsedManifest } from './manifest';
import { createReuseIndex, journalSuffix, objectsPresent } from './reuse-index';
import { createSealPool } from './seal-pool';
import { createNamer, MAX_SEGMENT_BYTES, sealNamed, type SealedSegment } from './segment';
import type { BackupWriter, CommitResult, SegmentRef, StoreOutcome, WriterOptions } from './types';

/** A small piece counts at least this share of a segment, so that thousands of them are not under way at once. */
const SMALL_SHARE = 8;
/** Segments compressed at once: as many as keep two cores busy; more would only hold more memory. */
const SEALING = 3;
const DEFAULT_GRACE_MS = 5_000;
/** After the last byte was read, a store that is not done is given this many graces. */
const FINISH_GRACES = 6;

interface OpenFile {
  readonly path: string;
  readonly cutter: Cutter;
  readonly refs: Promise<SegmentRef>[];
  bytes: number;
  ended: boolean;
}

export async function createBackupWriter(options: WriterOptions): Promise<BackupWriter> {
  const { keys, database, backupId, segmentBytes, signal } = options;
  const where = { database, backup: backupId };
  if (!keys.signingKey) throw repositoryError('REPO_SIGNING_KEY_ABSENT', '', { context: where });
  if (options.stores.length === 0) throw repositoryError('REPO_NO_STORE_LEFT', 'no store was given');
  if (segmentBytes < 1 || segmentBytes > MAX_SEGMENT_BYTES) {
    throw repositoryError('REPO_KEYS_INVALID', 'the segment size is out of bounds', { context: { segmentBytes } });
  }
  signal.throwIfAborted();
  setMaxListeners(0, signal);

  const [sealer, namer, index] = await Promise.all([
    createSealer(keys.recipients),
    createNamer(keys.idKey),
    createReuseIndex(options),
  ]);
  const suffix = journalSuffix(keys.recipients);
  const graceMs = options.lagGraceMs ?? DEFAULT_GRACE_MS;
  const { answerGraceMs } = options;
  const budget = createBudget(options.inFlight * segmentBytes);
  const sealing = createBudget(SEALING);
  const pool = createBufferPool(segmentBytes, options.inFlight);
  const threads = createSealPool({
    level: options.zstdLevel,
    key: sealer.key,
    threadFile: options.sealThreadFile,
  });
  const lanes = createLanes({
    stores: options.stores,
    maxLagBytes: Math.max(0, Math.min(options.maxLagSegments, options.inFlight - 1)) * segmentBytes,
    graceMs,
    inFlight: options.inFlight,
    ...(options.gate ? { gate: options.gate } : {}),
    signal,
    pressed: () => budget.waiting > 0,
    onClose: (store, error) => options.onBehind?.({ store, ...errorFacts(error) }),
  });

  const files = new Map<string, OpenFile>();
  /** Every segment of this run by id; two equal pieces are sealed and stored once. */
  const segments = new Map<string, Promise<SegmentRef>>();
  const reused = new Map<string, SegmentRef>();
  const running = new Set<Promise<unknown>>();
  const counters = {
    plainBytes: 0,
    sealedBytes: 0,
    uploadedBytes: 0,
    reusedBytes: 0,
    segments: 0,
    reusedSegments: 0,
  };
  let failure: { readonly error: unknown } | null = null;
  let closed = false;

  const fail = (error: unknown) => {
    failure ??= { error };
    budget.close(failure.error);
  };
  const onAbort = () => {
    fail(signal.reason);
    lanes.stop();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  /** Ends every request, and returns when none is under way any more. */
  const stop = async () => {
    closed = true;
    signal.removeEventListener('abort', onAbort);
    lanes.stop();
    budget.close(repositoryError('REPO_WRITER_CLOSED', '', { context: where }));
    for (const file of files.values()) file.cutter.drop();
    await threads?.close();
    while (running.size > 0) await Promise.all(running);
  };
  const check = () => {
    if (failure) throw failure.error;
    if (closed) throw repositoryError('REPO_WRITER_CLOSED', '', { context: where });
  };

  const usable = (id: string): SegmentRef | undefined => {
    const ref = index.lookup(id);
    const holders = ref && index.holders(id);
    return holders && lanes.open.some((lane) => holders.has(lane.store.name)) ? ref : undefined;
  };
  const seal = async (id: string, piece: Piece): Promise<SealedSegment & { readonly sealed: Buffer }> => {
    const { plain, buffer } = piece;
    if (threads) {
      const plainBytes = plain.length;
      const { buffer: back, sealed, object } = await threads.seal(buffer ?? plain, plainBytes);
      if (buffer) pool.give(back);
      else freeMemory(back);
      return { ref: { id, object, plainBytes, sealedBytes: sealed.length }, sealed };
    }
    const released = () => buffer && pool.give(buffer);
    return sealNamed(id, plain, { sealer, zstdLevel: options.zstdLevel, released });
  };
  const store = async (id: string, piece: Piece): Promise<SegmentRef> => {
    const found = usable(id);
    if (found) {
      if (piece.buffer) pool.give(piece.buffer);
      reused.set(id, found);
      counters.reusedBytes += found.sealedBytes;
      counters.reusedSegments++;
      return found;
    }
    await sealing.take(1);
    const { ref, sealed } = await seal(id, piece).finally(() => sealing.give(1));
    await lanes.deliver(segmentKey(database, ref.object), sealed, {
      sha256: ref.object,
      plainBytes: ref.plainBytes,
      // One store is enough: the next attempt asks every store what it has.
      first: (name) => options.journal?.record({ ...ref, id: `${ref.id}${suffix}`, stores: [name] }),
    });
    counters.uploadedBytes += ref.sealedBytes;
    return ref;
  };
  const storeOnce = async (piece: Piece): Promise<SegmentRef> => {
    const { id } = piece;
    const twin = segments.get(id);
    if (twin) {
      if (piece.buffer) pool.give(piece.buffer);
      return twin;
    }
    const work = store(id, piece);
    segments.set(id, work);
    const ref = await work;
    counters.segments++;
    counters.sealedBytes += ref.sealedBytes;
    return ref;
  };
  /** Waits for room, then lets the piece go its way; what fails there shows at the next call. */
  const launch = async (file: OpenFile, piece: Piece): Promise<void> => {
    const share = Math.max(piece.plain.length, Math.ceil(segmentBytes / SMALL_SHARE));
    await budget.take(share);
    check();
    const work = storeOnce(piece).finally(() => budget.give(share));
    file.refs.push(work);
    const tracked = work.catch(fail).finally(() => running.delete(tracked));
    running.add(tracked);
  };

  const openFile = (path: string): FileSinkHandle => {
    check();
    if (!isFilePath(path)) throw repositoryError('REPO_PATH_INVALID', '', { context: { ...where, path } });
    if (files.has(path)) {
      throw repositoryError('REPO_PATH_INVALID', 'the backup has this file already', { context: { ...where, path } });
    }
    const file: OpenFile = { path, cutter: createCutter(segmentBytes, pool, namer), refs: [], bytes: 0, ended: false };
    files.set(path, file);
    return {
      async write(chunk) {
        check();
        if (file.ended) throw repositoryError('REPO_WRITER_CLOSED', 'the file was ended', { context: { path } });
        file.bytes += chunk.length;
        counters.plainBytes += chunk.length;
        await file.cutter.write(chunk, (piece) => launch(file, piece));
      },
      async end() {
        check();
        if (!file.ended) {
          file.ended = true;
          const rest = file.cutter.rest();
          if (rest) await launch(file, rest);
        }
        return { bytes: file.bytes };
      },
    };
  };

  /** The inventory lists segments in the order of first use, whatever the order in which they were stored. */
  const describe = async (summary: DumpSummary): Promise<ParsedManifest> => {
    const numbers = new Map<string, number>();
    const list: SegmentRef[] = [];
    const described = [];
    for (const file of files.values()) {
      const indexes = [];
      for (const ref of await Promise.all(file.refs)) {
        let number = numbers.get(ref.id);
        if (number === undefined) {
          number = list.push(ref) - 1;
          numbers.set(ref.id, number);
        }
        indexes.push(number);
      }
      described.push({ path: file.path, bytes: file.bytes, segments: indexes });
    }
    return buildManifest(
      {
        format: 1,
        repositoryId: keys.repositoryId,
        database,
        backupId,
        engine: summary.engine,
        type: options.type,
        basedOn: options.base?.inventory.backupId ?? null,
        startedAt: options.startedAt,
        completedAt: new Date().toISOString(),
        segmentBytes,
        recipients: keys.recipients,
        segments: list,
        rows: summary.rows,
        plainBytes: described.reduce((sum, file) => sum + file.bytes, 0),
        sealedBytes: list.reduce((sum, ref) => sum + ref.sealedBytes, 0),
      },
      { summary, files: described },
      keys,
      sealer,
    );
  };

  /** What was found again must still be there, at each store that is to have a manifest. */
  const lacking = async (): Promise<Map<string, unknown>> => {
    const behind = new Map<string, unknown>();
    if (reused.size === 0) return behind;
    const lanesAsked = lanes.open;
    const answers = await askEach(
      lanesAsked.map((lane) => lane.store),
      { graceMs: answerGraceMs, signal },
      async (store, within) => {
        const sizes = await objectsPresent(store, database, [...reused.values()], within);
        const missing = [...reused.values()].filter((ref) => sizes.get(ref.object) !== ref.sealedBytes);
        if (missing.length === 0) return;
        throw repositoryError('REPO_COPY_INCOMPLETE', '', {
          context: { ...where, store: store.name, missing: missing.length },
        });
      },
    );
    for (const [index, answer] of answers.entries()) {
      if (answer.ok) continue;
      behind.set(answer.store.name, answer.error);
      // It is not asked again: once is as long as the others wait for it.
      if (isHoldfastError(answer.error, 'REPO_STORE_LAGGED')) lanes.close(lanesAsked[index]!, answer.error);
    }
    return behind;
  };

  const commit = async (summary: DumpSummary): Promise<CommitResult> => {
    check();
    for (const file of files.values()) {
      if (file.ended) continue;
      throw repositoryError('REPO_FILE_NOT_ENDED', '', { context: { ...where, path: file.path } });
    }
    lanes.finish(graceMs * FINISH_GRACES);
    while (running.size > 0) await Promise.all(running);
    check();
    await options.journal?.flush();
    const manifest = await describe(summary);
    const behind = await lacking();
    const open = lanes.open;
    if (open.every((lane) => behind.has(lane.store.name))) {
      const causes = [...behind.values()];
      const lost = causes.some((cause) => isHoldfastError(cause, 'REPO_COPY_INCOMPLETE'));
      throw repositoryError(lost ? 'REPO_REUSE_LOST' : 'REPO_NO_STORE_LEFT', '', {
        context: where,
        cause: causes.length === 1 ? causes[0] : new AggregateError(causes),
      });
    }
    const result = await commitManifest({
      manifest,
      keys,
      stores: open.map((lane) => lane.store),
      behind,
      answerGraceMs,
      signal,
    });
    const outcomes = new Map(result.stores.map((outcome) => [outcome.store, outcome]));
    const outcomeOf = (lane: Lane): StoreOutcome =>
      outcomes.get(lane.store.name) ?? { store: lane.store.name, state: 'behind', error: errorFacts(lane.error) };
    return { ...result, stores: lanes.all.map(outcomeOf) };
  };

  return {
    counters,
    openFile,
    commit: async (summary) => {
      try {
        return await commit(summary);
      } finally {
        await stop();
      }
    },
    async abort({ graceMs: leaveMs = 0 } = {}) {
      if (closed) return;
      const broken = failure !== null;
      fail(repositoryError('REPO_WRITER_CLOSED', 'the backup was given up', { context: where }));
      // Nothing new is taken from here on.
      if (leaveMs > 0 && !broken) await within(leaveMs, Promise.all(running));
      await stop();
      await options.journal?.flush().catch(() => {});
    },
  };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, over]);
  clearTimeout(timer);
}
