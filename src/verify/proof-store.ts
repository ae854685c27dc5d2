/**
 * Proofs kept beside the backup, in the store that they are about: `<database>/proofs/<backupId>/<store>`. Signed like an
 * inventory, because a catalogue that is made again from a store decides by them what retention may delete.
 */
import { isHoldfastError } from '../errors/holdfast-error';
import { proofKey, proofsPrefix } from '../repository/layout';
import { signatureFault, signatureLine } from '../repository/signature';
import type { ProofRecord, RepositoryKeys } from '../repository/types';
import type { CallOptions, ObjectStore } from '../storage/object-store';

/** What is signed is this line and the record's bytes. */
const SIGNED_INTRO = 'holdfast-proof 1\n';

export interface ReadProofsOptions extends CallOptions {
  /** Told of each record that is left out: not signed by a trusted key, or about another copy than its key says. */
  readonly onRefused?: (key: string) => void;
}

/**
 * A later proof of the same copy takes the place of the earlier one. False, and nothing written, where this process has
 * no signing key: an unsigned proof would be believed by nobody, and would hide the signed one that stands there.
 */
export async function writeProof(
  store: ObjectStore,
  record: ProofRecord,
  keys: Pick<RepositoryKeys, 'signingKey'>,
  options: CallOptions = {},
): Promise<boolean> {
  if (!keys.signingKey) return false;
  const key = proofKey(record.database, record.backupId, record.store);
  const bytes = Buffer.from(canonicalJson(record));
  const signature = signatureLine(SIGNED_INTRO, bytes, keys.signingKey);
  await store.put(key, Buffer.concat([bytes, Buffer.from(`\n${signature}\n`)]), options);
  return true;
}

/**
 * Proofs of a backup that this store holds, of whichever copy. What cannot be believed is left out: a proof is never
 * needed to restore, and without it a copy counts as not proved.
 */
export async function readProofs(
  store: ObjectStore,
  database: string,
  backupId: string,
  keys: Pick<RepositoryKeys, 'verifyKeys'>,
  options: ReadProofsOptions = {},
): Promise<readonly ProofRecord[]> {
  const { signal, onRefused } = options;
  const proofs: ProofRecord[] = [];
  for await (const { key } of store.list(proofsPrefix(database, backupId), { signal })) {
    let body: Buffer;
    try {
      body = await store.get(key, { signal });
    } catch (error) {
      // Retention took it away since it was listed.
      if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) continue;
      throw error;
    }
    const record = trustedRecord(body, keys.verifyKeys);
    const prefix = proofsPrefix(database, backupId);
    const fits = record?.database === database && record.backupId === backupId && key === prefix + record.store;
    if (record && fits) proofs.push(record);
    else onRefused?.(key);
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

/** null unless a trusted key signed it. */
function trustedRecord(body: Buffer, verifyKeys: readonly Buffer[]): ProofRecord | null {
  const end = body.indexOf(10);
  if (end < 0 || body[body.length - 1] !== 10) return null;
  const bytes = body.subarray(0, end);
  if (signatureFault(SIGNED_INTRO, bytes, body.toString('latin1', end + 1, body.length - 1), verifyKeys)) return null;
  const record = JSON.parse(bytes.toString('utf8')) as ProofRecord;
  return record.format === 1 ? record : null;
}
