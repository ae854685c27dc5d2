/**
 * Compares what two stores hold of a database. Names are hashes of content, so listings and manifests say it all; `deep`
 * also reads every object and checks that the bytes are what the name says.
 */
import { BUCKETS } from '../domain/intact-plan';
import type { ObjectStore } from '../storage/object-store';
import { inspectObject } from './check';
import { objectOfKey } from './layout';
import { mergeListings } from './merge-listings';
import {
  backupsNaming,
  keepBelow,
  listBuckets,
  namedSlice,
  type NamedSlice,
  type RefusedManifest,
} from './named-slice';
import { forEachLimited } from './reuse-index';
import type { RepositoryKeys } from './types';

/** What one side holds. Garbage is what none of its manifests names: a run under way, or work for the next sweep. */
export interface SideFigures {
  readonly store: string;
  readonly backups: number;
  /** Objects that its manifests name and that are there with the right size. */
  readonly objects: number;
  readonly bytes: number;
  readonly missing: number;
  readonly wrongSize: number;
  /** null = not read. */
  readonly damaged: number | null;
  readonly garbageObjects: number;
  readonly garbageBytes: number;
}

export interface ObjectFault {
  readonly store: string;
  readonly object: string;
  readonly kind: 'missing' | 'wrong-size' | 'damaged';
  /** Backups at that store that name it. */
  readonly backups: readonly string[];
}

export interface StoreDiff {
  readonly database: string;
  readonly equal: boolean;
  readonly backups: {
    readonly same: number;
    readonly onlyA: readonly string[];
    readonly onlyB: readonly string[];
    /** At both, but another manifest. */
    readonly different: readonly string[];
    readonly refused: readonly (RefusedManifest & { readonly store: string })[];
  };
  /** Objects as listed, garbage included. */
  readonly listed: {
    readonly both: number;
    readonly onlyA: number;
    readonly onlyB: number;
    readonly otherSize: number;
  };
  readonly a: SideFigures;
  readonly b: SideFigures;
  /** The first of them; the counts above are complete. */
  readonly faults: readonly ObjectFault[];
}

export interface DiffRequest {
  readonly a: ObjectStore;
  readonly b: ObjectStore;
  readonly database: string;
  readonly keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;
  /** Read and hash every named object at both stores. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
  /** Objects seen, and read when `deep`. */
  readonly onProgress?: (progress: {
    readonly listed: number;
    readonly read: number;
    readonly readBytes: number;
  }) => void;
  /** Objects read at once at each store; default 4. */
  readonly concurrency?: number;
  /** Names held at once; default 250000. */
  readonly maxNames?: number;
}

/** Faults named one by one; beyond that only counted. */
const MAX_FAULTS = 200;

interface Side {
  readonly store: ObjectStore;
  objects: number;
  bytes: number;
  missing: number;
  wrongSize: number;
  damaged: number;
  garbageObjects: number;
  garbageBytes: number;
  readonly faults: { object: string; kind: ObjectFault['kind'] }[];
}

export async function diffStores(request: DiffRequest): Promise<StoreDiff> {
  const { database, deep = false } = request;
  const [a, b] = [newSide(request.a), newSide(request.b)];
  const listed = { both: 0, onlyA: 0, onlyB: 0, otherSize: 0 };
  const progress = { listed: 0, read: 0, readBytes: 0 };
  let first: readonly [NamedSlice, NamedSlice] | null = null;
  for (let from = 0; from < BUCKETS;) {
    const slices = await slicesFrom(request, from);
    const [inA, inB] = slices;
    first ??= slices;
    const sound: [[string, number][], [string, number][]] = [[], []];
    const entries = mergeListings(
      listBuckets(a.store, database, from, inA.to, request.signal),
      listBuckets(b.store, database, from, inA.to, request.signal),
    );
    for await (const entry of entries) {
      const object = objectOfKey(database, entry.key)!;
      if (entry.a && entry.b) listed[entry.a.bytes === entry.b.bytes ? 'both' : 'otherSize'] += 1;
      else listed[entry.a ? 'onlyA' : 'onlyB'] += 1;
      if (entry.a && account(a, inA.sizes, object, entry.a.bytes)) sound[0].push([object, entry.a.bytes]);
      if (entry.b && account(b, inB.sizes, object, entry.b.bytes)) sound[1].push([object, entry.b.bytes]);
      progress.listed += 1;
      if (progress.listed % 1_000 === 0) request.onProgress?.({ ...progress });
    }
    // What the listing had was taken out: what is left is named and not there.
    for (const [side, slice] of [[a, inA] as const, [b, inB] as const]) {
      for (const object of slice.sizes.keys()) fault(side, object, 'missing');
      side.missing += slice.sizes.size;
    }
    if (deep) await Promise.all([readAll(request, a, sound[0], progress), readAll(request, b, sound[1], progress)]);
    request.onProgress?.({ ...progress });
    from = inA.to;
  }

  const [inA, inB] = first!;
  const backups = compareBackups(inA, inB, a.store.name, b.store.name);
  const broken = [a, b].some((side) => side.missing + side.wrongSize + side.damaged > 0);
  return {
    database,
    equal:
      !broken && backups.onlyA.length + backups.onlyB.length + backups.different.length + backups.refused.length === 0,
    backups,
    listed,
    a: figures(a, inA, deep),
    b: figures(b, inB, deep),
    faults: [...(await attribute(request, a)), ...(await attribute(request, b))],
  };
}

/** The same range of buckets at both stores, as much as may be held. */
async function slicesFrom(request: DiffRequest, from: number): Promise<readonly [NamedSlice, NamedSlice]> {
  const { database, keys, signal, maxNames } = request;
  const inA = await namedSlice({ store: request.a, database, keys, from, to: BUCKETS, signal, maxNames });
  const inB = await namedSlice({ store: request.b, database, keys, from, to: inA.to, signal, maxNames });
  keepBelow(inA.sizes, inB.to);
  return [{ ...inA, to: inB.to }, inB];
}

/** Counts one listed object; true when it is named and has its size. */
function account(side: Side, sizes: Map<string, number>, object: string, bytes: number): boolean {
  const named = sizes.get(object);
  sizes.delete(object);
  if (named === undefined) {
    side.garbageObjects += 1;
    side.garbageBytes += bytes;
    return false;
  }
  if (named !== bytes) {
    side.wrongSize += 1;
    fault(side, object, 'wrong-size');
    return false;
  }
  side.objects += 1;
  side.bytes += bytes;
  return true;
}

async function readAll(
  { database, signal, concurrency = 4, onProgress }: DiffRequest,
  side: Side,
  objects: readonly (readonly [string, number])[],
  progress: { listed: number; read: number; readBytes: number },
): Promise<void> {
  await forEachLimited(objects, concurrency, async ([object, sealedBytes]) => {
    const state = await inspectObject(side.store, database, { object, sealedBytes }, signal);
    progress.read += 1;
    progress.readBytes += sealedBytes;
    onProgress?.({ ...progress });
    if (state === 'sound') return;
    side.objects -= 1;
    side.bytes -= sealedBytes;
    if (state === 'missing') side.missing += 1;
    else side.damaged += 1;
    fault(side, object, state);
  });
}

function compareBackups(a: NamedSlice, b: NamedSlice, nameA: string, nameB: string): StoreDiff['backups'] {
  // One that cannot be believed is there all the same: it is reported as refused, not as absent.
  const at = (slice: NamedSlice) => new Set([...slice.manifests.keys(), ...slice.refused.map((one) => one.backupId)]);
  const [inA, inB] = [at(a), at(b)];
  const both = [...a.manifests.keys()].filter((backupId) => b.manifests.has(backupId));
  const different = both.filter((backupId) => a.manifests.get(backupId)!.hash !== b.manifests.get(backupId)!.hash);
  return {
    same: both.length - different.length,
    onlyA: [...inA].filter((backupId) => !inB.has(backupId)).sort(),
    onlyB: [...inB].filter((backupId) => !inA.has(backupId)).sort(),
    different: different.sort(),
    refused: [
      ...a.refused.map((one) => ({ ...one, store: nameA })),
      ...b.refused.map((one) => ({ ...one, store: nameB })),
    ],
  };
}

async function attribute(request: DiffRequest, side: Side): Promise<readonly ObjectFault[]> {
  if (side.faults.length === 0) return [];
  const { database, keys, signal } = request;
  const wanted = new Set(side.faults.map(({ object }) => object));
  const naming = await backupsNaming({ store: side.store, database, keys, signal }, wanted);
  return side.faults.map(({ object, kind }) => ({
    store: side.store.name,
    object,
    kind,
    backups: [...naming].filter(([, objects]) => objects.includes(object)).map(([backupId]) => backupId),
  }));
}

function fault(side: Side, object: string, kind: ObjectFault['kind']): void {
  if (side.faults.length < MAX_FAULTS) side.faults.push({ object, kind });
}

function newSide(store: ObjectStore): Side {
  const counts = { objects: 0, bytes: 0, missing: 0, wrongSize: 0, damaged: 0, garbageObjects: 0, garbageBytes: 0 };
  return { store, ...counts, faults: [] };
}

function figures({ store, faults: _faults, ...counts }: Side, slice: NamedSlice, deep: boolean): SideFigures {
  const backups = slice.manifests.size + slice.refused.length;
  return { ...counts, store: store.name, backups, damaged: deep ? counts.damaged : null };
}
