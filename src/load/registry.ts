/** The dumps of this process by backup id, so that a pace told to the process finds the dump it is meant for. */
import type { Governor } from './governor';

export interface GovernorRegistry {
  /** Returns what takes the entry out again; a newer entry of the same backup id is left alone. */
  add(backupId: string, entry: GovernedDump): () => void;
  find(backupId: string): GovernedDump | undefined;
  all(): readonly GovernedDump[];
}

export interface GovernedDump {
  readonly database: string;
  readonly governor: Governor;
}

export function createGovernorRegistry(): GovernorRegistry {
  const dumps = new Map<string, GovernedDump>();
  return {
    add(backupId, entry) {
      dumps.set(backupId, entry);
      return () => {
        if (dumps.get(backupId) === entry) dumps.delete(backupId);
      };
    },
    find: (backupId) => dumps.get(backupId),
    all: () => [...dumps.values()],
  };
}
