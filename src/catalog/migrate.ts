import { basename, dirname, extname } from 'node:path';
import { runner } from 'node-pg-migrate';
import type { ConnectionTarget } from '../engines/engine';
import { toCatalogError } from './errors';
import { withClient } from './database';
import { MIGRATIONS } from './migrations';

/** Table of the applied migrations, in the catalogue's schema. */
export const MIGRATIONS_TABLE = 'migrations';

/** How long one migrator waits for another, and DDL for a table. Milliseconds. */
const LOCK_TIMEOUT = 120_000;

/**
 * Brings the catalogue's schema up to date and says which migrations ran. Any number may call it at once: one works, the
 * others wait for it and find nothing to do. All pending migrations are one transaction.
 */
export async function migrate(target: ConnectionTarget, schema: string): Promise<{ readonly applied: string[] }> {
  try {
    return await withClient(target, { applicationName: 'holdfast migrate' }, async (client) => {
      await client.query(`SET lock_timeout = ${LOCK_TIMEOUT}`);
      // Asked first because CREATE SCHEMA IF NOT EXISTS wants the privilege even where the schema exists.
      const existing = await client.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema]);
      const ran = await runner({
        dbClient: client,
        direction: 'up',
        schema,
        createSchema: existing.rowCount === 0,
        migrationsTable: MIGRATIONS_TABLE,
        singleTransaction: true,
        advisoryLockMode: 'wait',
        log: () => undefined,
        ...embedded(),
      });
      return { applied: ran.map(({ name }) => name) };
    });
  } catch (error) {
    throw toCatalogError(error, target.name);
  }
}

/**
 * node-pg-migrate reads a folder. Ours are modules of the program, so that they are compiled, bundled and typed with it:
 * the loader is shown one file, the list itself, and answers with all migrations.
 */
function embedded() {
  const list = require.resolve('./migrations');
  const extension = extname(list);
  return {
    dir: dirname(list),
    ignorePattern: `(?!${basename(list).replaceAll('.', '\\.')}$).*`,
    migrationLoaderStrategies: [
      {
        extensions: [extension],
        loader: () =>
          Promise.resolve(
            MIGRATIONS.map(({ name, sql }) => ({
              id: `${name}${extension}`,
              filePaths: [list],
              actions: { up: (builder: { sql(text: string): void }) => builder.sql(sql), down: false as const },
            })),
          ),
      },
    ],
  };
}
