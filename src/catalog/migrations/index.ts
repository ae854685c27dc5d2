import { initial } from './0001-initial';
import { storeHealth } from './0002-store-health';
import { compliance } from './0003-compliance';
import { usage } from './0004-usage';
import { verification } from './0005-verification';
import { load } from './0006-load';
import { loadBaselineGone } from './0009-load-baseline';
import { auditHead } from './0010-audit-head';

export interface CatalogMigration {
  /** Recorded in the database; starts with its number, never changed once released. */
  readonly name: string;
  readonly sql: string;
}

/** In the order in which they run. Additive only: workers of the version before keep running against the new tables. */
export const MIGRATIONS: readonly CatalogMigration[] = [
  { name: '0001-initial', sql: initial },
  { name: '0002-store-health', sql: storeHealth },
  { name: '0003-compliance', sql: compliance },
  { name: '0004-usage', sql: usage },
  { name: '0005-verification', sql: verification },
  { name: '0006-load', sql: load },
  { name: '0009-load-baseline', sql: loadBaselineGone },
  { name: '0010-audit-head', sql: auditHead },
];
