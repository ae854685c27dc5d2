import { initial } from './0001-initial';

export interface CatalogMigration {
  /** Recorded in the database; starts with its number, never changed once released. */
  readonly name: string;
  readonly sql: string;
}

/** In the order in which they run. Additive only: workers of the version before keep running against the new tables. */
export const MIGRATIONS: readonly CatalogMigration[] = [{ name: '0001-initial', sql: initial }];
