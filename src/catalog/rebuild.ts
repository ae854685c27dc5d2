import { gradeAtLeast, type ProofGrade } from '../domain/names';
import type { Inventory, ProofRecord } from '../repository/types';
import type { Catalog, CopyRow } from './types';

export interface RebuildOptions {
  /** Migrated; empty, or holding what is to be completed. What it knows of a later time is left as it is. */
  readonly catalog: Catalog;
  /** The store that is read. */
  readonly store: string;
  /** Every verified inventory at that store, one in memory at a time. */
  readonly inventories: AsyncIterable<Inventory> | Iterable<Inventory>;
  /** Every proof record at that store, of whichever copy. */
  readonly proofs: AsyncIterable<ProofRecord> | Iterable<ProofRecord>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RebuildReport) => void;
}

export interface RebuildReport {
  readonly backups: number;
  readonly copies: number;
  readonly proofs: number;
  /** Proof records of backups that have no manifest here any more; not taken over. */
  readonly orphanProofs: number;
  /** Backups that the catalogue took for deleted while their manifest stands: the next retention removes it. */
  readonly reappeared: readonly string[];
}

/**
 * Makes the catalogue again from one store: jobs from inventories, copies from manifests and proofs, proofs as they are.
 * May be repeated, and run for one store after another. Holds, audit log, tombstones and the figures of single uploads
 * are known to the catalogue alone and do not come back.
 */
export async function rebuildCatalog(options: RebuildOptions): Promise<RebuildReport> {
  const { catalog, store, signal, onProgress } = options;
  const report = { backups: 0, copies: 0, proofs: 0, orphanProofs: 0, reappeared: [] as string[] };
  const known = new Set<string>();

  for await (const inventory of options.inventories) {
    signal?.throwIfAborted();
    await addBackup(catalog, inventory);
    known.add(inventory.backupId);
    report.backups += 1;
    const job = await catalog.job(inventory.backupId);
    if (job?.deletedAt) report.reappeared.push(inventory.backupId);
    const copy = { backupId: inventory.backupId, database: inventory.database, store };
    report.copies += await addCopy(catalog, { ...copy, state: 'complete', at: new Date(inventory.completedAt) });
    onProgress?.(report);
  }

  for await (const proof of options.proofs) {
    signal?.throwIfAborted();
    if (!known.has(proof.backupId)) {
      report.orphanProofs += 1;
      continue;
    }
    await catalog.saveProof(proof);
    report.proofs += 1;
    report.copies += await addCopy(catalog, copyOf(proof));
    onProgress?.(report);
  }

  for (const backupId of known) {
    signal?.throwIfAborted();
    const status = verificationOf(await catalog.copies({ backupId }));
    if (status !== null) await catalog.setVerification(backupId, status);
  }
  return report;
}

async function addBackup(catalog: Catalog, inventory: Inventory): Promise<void> {
  await catalog.startJob({
    backupId: inventory.backupId,
    database: inventory.database,
    engine: inventory.engine,
    backupType: inventory.type,
    basedOn: inventory.basedOn,
    startedAt: new Date(inventory.startedAt),
    workflowId: null,
    runId: null,
  });
  await catalog.completeJob(inventory.backupId, {
    completedAt: new Date(inventory.completedAt),
    fileSize: inventory.sealedBytes,
    plainBytes: inventory.plainBytes,
    uploadedBytes: null,
    reusedBytes: null,
    rows: inventory.rows,
    segments: inventory.segments.length,
    location: `${inventory.database}/manifests/${inventory.backupId}`,
  });
}

type CopyChange = Parameters<Catalog['setCopy']>[0];

/** 1 when the copy is new to the catalogue. Of two words on a copy the later one counts, not the one read last. */
async function addCopy(catalog: Catalog, change: CopyChange): Promise<number> {
  const [row] = await catalog.copies({ backupId: change.backupId, store: change.store });
  if (!row || row.updatedAt.getTime() < change.at.getTime()) await catalog.setCopy(change);
  return row ? 0 : 1;
}

/** What a proof says of its copy. Only one without a failure proves it, and only a fault of the data is held against it. */
function copyOf(proof: ProofRecord): CopyChange {
  const { backupId, database, store, grade, failure } = proof;
  const at = new Date(Date.parse(proof.startedAt) + proof.durationMs);
  const copy = { backupId, database, store, at };
  if (failure?.class === 'data') return { ...copy, state: 'damaged', detail: `${failure.code}: ${failure.message}` };
  return { ...copy, state: failure === null && grade !== null ? 'proved' : 'complete', grade };
}

/** The strongest grade that any copy has; `failed` when none is proved and one is damaged. */
function verificationOf(copies: readonly CopyRow[]): ProofGrade | 'failed' | null {
  const strongest = copies
    .filter(({ state }) => state === 'proved')
    .reduce<ProofGrade | null>(
      (best, { grade }) => (grade !== null && (best === null || gradeAtLeast(grade, best)) ? grade : best),
      null,
    );
  return strongest ?? (copies.some(({ state }) => state === 'damaged') ? 'failed' : null);
}
