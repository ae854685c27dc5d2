import { DEMO_DATABASE } from './config-text';
import { differences, fingerprint, type Fingerprint } from './compare';
import { withClient, type DemoServers } from './environment';
import { SHOP_CHANGES, shopRows } from './shop-rows';
import { SHOP_FINISH, SHOP_SCHEMA } from './shop-schema';

/** The database that the demo backs up, changes, loses and gets back. */
export interface SourceDatabase {
  /** Fills it; says each step. Returns its size on disk in bytes. */
  fill(megabytes: number, say: (line: string) => void): Promise<number>;
  /** Does a day of business; returns what was done. */
  change(): Promise<readonly string[]>;
  fingerprint(): Promise<Fingerprint>;
  drop(): Promise<void>;
}

export function sourceDatabase({ postgres }: DemoServers, signal: AbortSignal): SourceDatabase {
  const url = postgres.url(DEMO_DATABASE);
  return {
    fill: (megabytes, say) =>
      withClient(url, async (client) => {
        // One transaction: rows of tables that were made in it need no write-ahead log.
        await client.query('begin');
        await client.query(SHOP_SCHEMA);
        for (const step of shopRows(megabytes)) {
          signal.throwIfAborted();
          await client.query(step.sql);
          say(step.what);
        }
        await client.query(SHOP_FINISH);
        await client.query('commit');
        const { rows } = await client.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
        return Number(rows[0]!.bytes);
      }),
    change: () =>
      withClient(url, async (client) => {
        for (const step of SHOP_CHANGES) await client.query(step.sql);
        return SHOP_CHANGES.map((step) => step.what);
      }),
    fingerprint: () =>
      withClient(url, (client) =>
        fingerprint({
          binDir: postgres.installation.binDir,
          host: postgres.socketDir,
          port: postgres.port,
          user: postgres.user,
          database: DEMO_DATABASE,
          client,
          signal,
        }),
      ),
    drop: () =>
      withClient(postgres.url('postgres'), async (client) => {
        await client.query(`drop database ${DEMO_DATABASE} with (force)`);
      }),
  };
}

/** Compares what is there now with what was there before. */
export async function compareAfter(
  source: SourceDatabase,
  before: Fingerprint,
): Promise<{ readonly equal: boolean; readonly differences: readonly string[] }> {
  const found = differences(before, await source.fingerprint());
  return { equal: found.length === 0, differences: found };
}
