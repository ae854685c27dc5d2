import type { Catalog } from '../catalog/types';
import { PROOF_GRADES, type ProofGrade } from '../domain/names';
import { manifestKey } from '../repository/layout';
import { listBackups, readInventory } from '../repository/reader';
import type { ProofRecord, RepositoryKeys } from '../repository/types';
import type { ObjectStore } from '../storage/object-store';
import { readProofs } from '../verify/proof-store';
import { reportError } from './output/errors';

export interface RebuildRequest {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>;
  /** Only this database. */
  readonly database?: string;
  readonly who: string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, backupId: string) => void;
}

export interface RebuildResult {
  readonly store: string;
  readonly backups: number;
  readonly proofs: number;
  /** Manifests that could not be believed; nothing was written about them. */
  readonly refused: readonly {
    readonly database: string;
    readonly backupId: string;
    readonly code: string;
    readonly message: string;
  }[];
}

/**
 * Makes the catalogue's rows again from the signed manifests and the proofs at one store. Idempotent: rows that are there
 * stay, so it also fills gaps, and may be run for one store after another. Holds and the audit log are kept by no store.
 */
export async function rebuildCatalog(request: RebuildRequest): Promise<RebuildResult> {
  const { store, catalog, signal } = request;
  const listed = await listBackups(store, request.database, signal);
  const refused: RebuildResult['refused'][number][] = [];
  let proofs = 0;
  let backups = 0;
  for (const [index, { database, backupId }] of listed.entries()) {
    signal.throwIfAborted();
    request.onProgress(index, listed.length, backupId);
    try {
      proofs += await rebuildOne(request, database, backupId);
      backups += 1;
    } catch (error) {
      if (signal.aborted) throw error;
      const { code, message } = reportError(error);
      // A damaged manifest is a fact about this copy; a catalogue that does not answer is a fault of the rebuild.
      if (!code.startsWith('REPO_')) throw error;
      refused.push({ database, backupId, code, message });
    }
  }
  await catalog.audit({
    actor: request.who,
    action: 'rebuild',
    database: request.database ?? null,
    details: { store: store.name, backups, proofs, refused: refused.length },
    at: new Date(),
  });
  return { store: store.name, backups, proofs, refused };
}

async function rebuildOne(
  { store, catalog, keys, signal }: RebuildRequest,
  database: string,
  backupId: string,
): Promise<number> {
  const inventory = await readInventory(store, database, backupId, keys, signal);
  await catalog.startJob({
    backupId,
    database,
    engine: inventory.engine,
    backupType: inventory.type,
    basedOn: inventory.basedOn,
    startedAt: new Date(inventory.startedAt),
    workflowId: null,
    runId: null,
  });
  await catalog.completeJob(backupId, {
    completedAt: new Date(inventory.completedAt),
    fileSize: inventory.sealedBytes,
    plainBytes: inventory.plainBytes,
    uploadedBytes: null,
    reusedBytes: null,
    rows: inventory.rows,
    segments: inventory.segments.length,
    location: manifestKey(database, backupId),
  });
  const found = await readProofs(store, database, backupId, { signal });
  for (const proof of found) await catalog.saveProof(proof);
  const newest = found.filter((proof) => proof.store === store.name).sort(newestFirst)[0];
  const known = await catalog.copies({ backupId, store: store.name });
  // What a running Holdfast knows of this copy is newer than what lies beside it.
  if (known.length === 0) {
    await catalog.setCopy({
      backupId,
      database,
      store: store.name,
      ...copyOf(newest),
      at: provedAt(newest, inventory.completedAt),
    });
  }
  const grade = strongest(found);
  const job = await catalog.job(backupId);
  if (job?.verificationStatus === null && found.length > 0) await catalog.setVerification(backupId, grade ?? 'failed');
  return found.length;
}

function copyOf(proof: ProofRecord | undefined) {
  if (proof === undefined) return { state: 'complete' as const, grade: null };
  if (proof.grade !== null && proof.failure === null) return { state: 'proved' as const, grade: proof.grade };
  if (proof.failure?.class === 'data') return { state: 'damaged' as const, grade: null, detail: proof.failure.message };
  return { state: 'complete' as const, grade: proof.grade };
}

function provedAt(proof: ProofRecord | undefined, completedAt: string): Date {
  return proof === undefined ? new Date(completedAt) : new Date(Date.parse(proof.startedAt) + proof.durationMs);
}

function strongest(proofs: readonly ProofRecord[]): ProofGrade | null {
  const reached = proofs.flatMap((proof) => (proof.grade === null ? [] : [PROOF_GRADES.indexOf(proof.grade)]));
  return reached.length === 0 ? null : PROOF_GRADES[Math.max(...reached)]!;
}

function newestFirst(a: ProofRecord, b: ProofRecord): number {
  return b.startedAt.localeCompare(a.startedAt);
}
