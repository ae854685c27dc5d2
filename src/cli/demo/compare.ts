import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Client } from 'pg';

/** What is compared before the database is dropped and after it was restored. */
export interface Fingerprint {
  /** SHA-256 of pg_dump's plain text: schema, rows, large objects, sequences, ACLs, comments. */
  readonly dump: string;
  /** `schema.table` → rows and a checksum that does not depend on their order; names what differs. */
  readonly tables: ReadonlyMap<string, string>;
  readonly rows: number;
}

export interface ComparisonSource {
  readonly binDir: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Connected to the same database. */
  readonly client: Client;
  readonly signal: AbortSignal;
}

export async function fingerprint(source: ComparisonSource): Promise<Fingerprint> {
  const { tables, rows } = await tableChecksums(source.client);
  return { dump: await dumpHash(source), tables, rows };
}

/** What differs, in words; empty when nothing does. */
export function differences(before: Fingerprint, after: Fingerprint): readonly string[] {
  const found: string[] = [];
  for (const [table, facts] of before.tables) {
    const now = after.tables.get(table);
    if (now !== facts) found.push(now === undefined ? `${table} is missing` : `${table} differs`);
  }
  for (const table of after.tables.keys()) if (!before.tables.has(table)) found.push(`${table} is new`);
  if (before.dump !== after.dump) found.push('the texts of pg_dump differ');
  return found;
}

async function tableChecksums(client: Client): Promise<Pick<Fingerprint, 'tables' | 'rows'>> {
  const { rows: found } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`,
  );
  const tables = new Map<string, string>();
  let rows = 0;
  for (const { name } of found) {
    const { rows: facts } = await client.query<{ count: string; sum: string }>(
      `select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text as sum from ${name} t`,
    );
    tables.set(name, `${facts[0]!.count} rows, ${facts[0]!.sum}`);
    rows += Number(facts[0]!.count);
  }
  return { tables, rows };
}

async function dumpHash(source: ComparisonSource): Promise<string> {
  const hash = createHash('sha256');
  const child = spawn(
    join(source.binDir, 'pg_dump'),
    ['-h', source.host, '-p', String(source.port), '-U', source.user, '--no-password', source.database],
    { stdio: ['ignore', 'pipe', 'pipe'], signal: source.signal },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // pg_dump writes a random word after \restrict, which says nothing of the database.
  for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity }))
    if (!/^\\(un)?restrict /.test(line)) hash.update(line).update('\n');
  const code = await ended;
  if (code !== 0) throw new Error(`pg_dump failed with exit code ${code}: ${complaint.trim()}`);
  return hash.digest('hex');
}
