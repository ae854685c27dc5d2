/** Proofs kept beside the backup, in the store that they are about: `<database>/proofs/<backupId>/<store>`. */
import type { ProofRecord } from '../repository/types';
import { proofKey, proofsPrefix } from '../repository/layout';
import type { CallOptions, ObjectStore } from '../storage/object-store';

/** A later proof of the same copy takes the place of the earlier one. */
export async function writeProof(store: ObjectStore, record: ProofRecord, options: CallOptions = {}): Promise<void> {
  const key = proofKey(record.database, record.backupId, record.store);
  await store.put(key, Buffer.from(`${canonicalJson(record)}\n`), options);
}

/** Proofs of a backup that this store holds. What cannot be read is left out: a proof is never needed to restore. */
export async function readProofs(
  store: ObjectStore,
  database: string,
  backupId: string,
  options: CallOptions = {},
): Promise<readonly ProofRecord[]> {
  const proofs: ProofRecord[] = [];
  for await (const { key } of store.list(proofsPrefix(database, backupId), options)) {
    const record = parse(await store.get(key, options));
    if (record?.backupId === backupId && record.database === database) proofs.push(record);
  }
  return proofs;
}

/** Keys sorted, no spaces: the same record is the same bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function parse(body: Buffer): ProofRecord | null {
  try {
    const record = JSON.parse(body.toString('utf8')) as ProofRecord;
    return record.format === 1 && typeof record.backupId === 'string' ? record : null;
  } catch {
    return null;
  }
}
