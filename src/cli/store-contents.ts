/** What one store holds, for the catalogue to be made again from. */
import { listBackups, readInventory, type ListedBackup } from '../repository/reader';
import type { Inventory, ProofRecord, RepositoryKeys } from '../repository/types';
import type { ObjectStore } from '../storage/object-store';
import { readProofs } from '../verify/proof-store';
import { reportError } from './output/errors';

/** A manifest that could not be believed; nothing is written about it. */
export interface RefusedManifest {
  readonly database: string;
  readonly backupId: string;
  readonly code: string;
  readonly message: string;
}

export interface StoreContents {
  readonly listed: readonly ListedBackup[];
  /** Filled while `inventories` is read. */
  readonly refused: readonly RefusedManifest[];
  /** Keys of proofs that could not be believed, not signed by a trusted key say; filled while `proofs` is read. */
  readonly refusedProofs: readonly string[];
  inventories(): AsyncGenerator<Inventory>;
  proofs(): AsyncGenerator<ProofRecord>;
}

export async function readStoreContents(
  store: ObjectStore,
  keys: Pick<RepositoryKeys, 'verifyKeys' | 'repositoryId'>,
  options: { readonly database?: string; readonly signal: AbortSignal },
): Promise<StoreContents> {
  const { database, signal } = options;
  const listed = await listBackups(store, database, signal);
  const refused: RefusedManifest[] = [];
  const refusedProofs: string[] = [];
  return {
    listed,
    refused,
    refusedProofs,
    async *inventories() {
      for (const backup of listed) {
        try {
          yield await readInventory(store, backup.database, backup.backupId, keys, signal);
        } catch (error) {
          const { code, message } = reportError(error);
          // A damaged manifest is a fact about this copy; a store that does not answer is a fault of the rebuild.
          if (signal.aborted || !code.startsWith('REPO_')) throw error;
          refused.push({ database: backup.database, backupId: backup.backupId, code, message });
        }
      }
    },
    async *proofs() {
      const onRefused = (key: string) => void refusedProofs.push(key);
      for (const backup of listed)
        yield* await readProofs(store, backup.database, backup.backupId, keys, { signal, onRefused });
    },
  };
}
