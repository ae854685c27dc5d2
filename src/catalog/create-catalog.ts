import { auditQueries } from './audit';
import { complianceQueries, type Judge } from './compliance';
import { copyQueries } from './copies';
import { openDatabase, type DatabaseOptions } from './database';
import { holdQueries } from './holds';
import { jobQueries } from './jobs';
import { emergencyQueries } from './emergency';
import { journalQueries } from './journal';
import { loadQueries } from './load';
import { loadHistoryQueries } from './load-history';
import { MIGRATIONS_TABLE } from './migrate';
import { proofQueries } from './proofs';
import { storeHealthQueries } from './store-health';
import { storeLifeQueries } from './store-life';
import type { Catalog } from './types';
import { usageQueries } from './usage';
import { verificationQueries } from './verification';

/**
 * The catalogue on PostgreSQL. Connects at the first call, a broken connection is replaced, and every error is one of
 * `src/errors/catalog.ts`. The tables are made by `migrate`.
 */
export function createCatalog(
  options: DatabaseOptions & {
    /** Which copies are wanted of a database; absent: compliance is not written down. */
    readonly judge?: Judge;
  },
): Catalog {
  const db = openDatabase(options);
  return {
    ...jobQueries(db),
    ...copyQueries(db, options.judge),
    ...complianceQueries(db, options.judge),
    ...storeLifeQueries(db, options.judge),
    ...proofQueries(db),
    ...journalQueries(db),
    ...holdQueries(db),
    ...auditQueries(db),
    ...storeHealthQueries(db),
    ...usageQueries(db),
    ...verificationQueries(db),
    ...loadQueries(db),
    ...loadHistoryQueries(db),
    ...emergencyQueries(db),

    async ping() {
      const [facts] = await db.rows<{ version: string; migrated: string | null }>(
        `SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.to_regclass($1)::text AS migrated`,
        [db.table(MIGRATIONS_TABLE)],
      );
      if (facts!.migrated === null) return { serverVersion: facts!.version, migration: null };
      const [last] = await db.rows<{ name: string }>(
        `SELECT name FROM ${db.table(MIGRATIONS_TABLE)} ORDER BY id DESC LIMIT 1`,
      );
      return { serverVersion: facts!.version, migration: last?.name ?? null };
    },
    close: () => db.close(),
  };
}
