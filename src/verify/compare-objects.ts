/**
 * Compares what is not table rows with the archive of the backup: every entry of it must be found again in a dump of the
 * restored database, sequences must stand where they stood, large objects must be equal, no index may be invalid.
 * Definitions are not compared as text: PostgreSQL prints some of them (IN lists, casts) differently after one restore.
 */
import { join } from 'node:path';
import type { ConnectionTarget } from '../engines/engine';
import type { HoldfastError } from '../errors/holdfast-error';
import { verifyError } from '../errors/verify';
import { childEnvironment } from '../postgres/child-environment';
import { runChild } from '../postgres/child-process';
import type { PgSession } from '../postgres/connection';
import type { ClientTools } from '../postgres/tools';
import {
  LargeObjectDigest,
  listEntries,
  readArchiveData,
  type LargeObjectFacts,
  type SequenceValue,
} from './archive-facts';

const NAMED_AT_MOST = 5;
/** Pages of large objects fetched at once: 2 KiB each. */
const LO_PAGES = 2_000;
/** Size of a page of pg_largeobject (LOBLKSIZE of the usual build). */
const LO_PAGE_BYTES = 2_048;

export interface ObjectComparison {
  readonly archive: string;
  readonly session: PgSession;
  readonly target: ConnectionTarget;
  readonly tools: ClientTools;
  readonly filesDir: string;
  readonly signal: AbortSignal;
}

/** @returns the first kind of difference found, named; null when there is none */
export async function compareObjects(comparison: ObjectComparison): Promise<HoldfastError | null> {
  const { archive, session, tools, signal } = comparison;
  return (
    (await findInvalidIndexes(session)) ??
    (await compareEntries(comparison)) ??
    (await compareData(session, await readArchiveData(tools.pgRestore, archive, signal)))
  );
}

async function findInvalidIndexes(session: PgSession): Promise<HoldfastError | null> {
  // Of a partitioned index `indisvalid` says only whether every partition has one; pg_dump carries that state as it is.
  const rows = await session.query<{ name: string }>(
    'looking for invalid indexes',
    `SELECT n.nspname || '.' || c.relname AS name
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready AND i.indislive)
      ORDER BY 1`,
  );
  if (rows.length === 0) return null;
  return verifyError('VERIFY_INDEX_INVALID', `invalid after the restore: ${named(rows.map((row) => row.name))}`);
}

async function compareEntries(comparison: ObjectComparison): Promise<HoldfastError | null> {
  const { archive, target, tools, filesDir, signal } = comparison;
  const again = join(filesDir, 'restored.dump');
  const environment = await childEnvironment(target);
  try {
    await runChild({
      command: tools.pgDump,
      args: ['--format=custom', '--compress=0', '--schema-only', '--no-password', `--file=${again}`],
      env: environment.env,
      signal,
      what: 'dumping the restored schema',
    });
  } finally {
    await environment.remove();
  }
  const restored = await listEntries(tools.pgRestore, again, signal);
  const missing: string[] = [];
  for (const [entry, count] of await listEntries(tools.pgRestore, archive, signal))
    if ((restored.get(entry) ?? 0) < count) missing.push(entry);
  if (missing.length === 0) return null;
  return verifyError('VERIFY_OBJECT_MISSING', `missing after the restore: ${named(missing)}`);
}

async function compareData(
  session: PgSession,
  expected: { readonly sequences: readonly SequenceValue[]; readonly largeObjects: LargeObjectFacts },
): Promise<HoldfastError | null> {
  const behind: string[] = [];
  for (const sequence of expected.sequences) {
    const found = await sequenceValue(session, sequence.name);
    const same = found?.last_value === sequence.lastValue && found.is_called === sequence.isCalled;
    if (!same) behind.push(`${sequence.name} is at ${found?.last_value ?? 'nothing'}, not at ${sequence.lastValue}`);
  }
  if (behind.length > 0) return verifyError('VERIFY_SEQUENCE_DIFFERS', `after the restore ${named(behind)}`);

  const found = await largeObjectsOf(session);
  const wanted = expected.largeObjects;
  if (found.count !== wanted.count || found.bytes !== wanted.bytes || found.digest !== wanted.digest)
    return verifyError(
      'VERIFY_LARGE_OBJECTS_DIFFER',
      `${found.count} large objects of ${found.bytes} bytes after the restore, ${wanted.count} of ${wanted.bytes} in the backup`,
    );
  return null;
}

async function sequenceValue(session: PgSession, name: string) {
  const what = 'reading a sequence';
  // The name goes through the catalogue and comes back quoted by PostgreSQL itself.
  const [known] = await session.query<{ sql: string }>(
    what,
    `SELECT pg_catalog.format('SELECT last_value::text, is_called FROM %I.%I', n.nspname, c.relname) AS sql
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind = 'S'`,
    [name],
  );
  if (!known) return null;
  const [row] = await session.query<{ last_value: string; is_called: boolean }>(what, known.sql);
  return row ?? null;
}

async function largeObjectsOf(session: PgSession): Promise<LargeObjectFacts> {
  const digest = new LargeObjectDigest();
  const what = 'reading large objects';
  await session.query(what, 'BEGIN READ ONLY');
  try {
    // Empty ones have no page, so they come from the metadata. Pages that were never written are zeros.
    await session.query(
      what,
      `DECLARE pages NO SCROLL CURSOR FOR
         SELECT m.oid::text AS oid, l.pageno, l.data
           FROM pg_catalog.pg_largeobject_metadata m LEFT JOIN pg_catalog.pg_largeobject l ON l.loid = m.oid
          ORDER BY m.oid, l.pageno`,
    );
    let current: string | null = null;
    let written = 0;
    for (;;) {
      const rows = await session.query<{ oid: string; pageno: number | null; data: Buffer | null }>(
        what,
        `FETCH ${LO_PAGES} FROM pages`,
      );
      for (const { oid, pageno, data } of rows) {
        if (oid !== current) {
          digest.close();
          digest.open(oid);
          current = oid;
          written = 0;
        }
        if (pageno === null || data === null) continue;
        const start = pageno * LO_PAGE_BYTES;
        for (; written < start; written += LO_PAGE_BYTES)
          digest.write(Buffer.alloc(Math.min(LO_PAGE_BYTES, start - written)));
        digest.write(data);
        written = start + data.length;
      }
      if (rows.length < LO_PAGES) break;
    }
    return digest.facts();
  } finally {
    await session.query(what, 'ROLLBACK');
  }
}

function named(list: readonly string[]): string {
  const more = list.length - NAMED_AT_MOST;
  return list.slice(0, NAMED_AT_MOST).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
