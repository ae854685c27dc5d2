/** What is in the database, as seen in the snapshot: relations, their columns, who may read them. */
import { postgresError } from '../../errors/postgres';
import type { PgSession } from '../../postgres/connection';
import type { LogicalDumpOptions } from '../engine';
import { parseNamePattern } from './patterns';

export type RelationKind = 'table' | 'partitioned' | 'view' | 'materialized view' | 'sequence' | 'foreign table';

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly unlogged: boolean;
  readonly partition: boolean;
  /** False for access methods other than heap: their blocks mean nothing to us. */
  readonly heap: boolean;
  readonly readable: boolean;
  readonly schemaUsable: boolean;
  /** Policies would hide rows from this role. */
  readonly rowSecurityActive: boolean;
  readonly owner: string;
}

/** Which relations are dumped. */
export interface Selection {
  readonly relations: readonly Relation[];
  /** Relations that the patterns leave out. */
  readonly excluded: readonly Relation[];
  /** How pg_dump is told; `all` needs no telling. */
  readonly mode: 'all' | 'schemas' | 'tables';
  readonly schemas: readonly string[];
  readonly excludedSchemas: readonly string[];
}

const KINDS: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'materialized view',
  S: 'sequence',
  f: 'foreign table',
};

interface RelationRow extends Omit<Relation, 'kind' | 'oid'> {
  readonly oid: string;
  readonly relkind: string;
}

/** Every relation that is neither the system's, nor temporary, nor a member of an extension (pg_dump keeps those). */
async function listRelations(session: PgSession): Promise<Relation[]> {
  const rows = await session.query<RelationRow>(
    'listing tables',
    `SELECT c.oid::text AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS relkind,
            c.relpersistence = 'u' AS unlogged, c.relispartition AS partition,
            COALESCE(am.amname = 'heap', false) AS heap,
            CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                 ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END AS readable,
            pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS "schemaUsable",
            c.relrowsecurity AND pg_catalog.row_security_active(c.oid) AS "rowSecurityActive",
            pg_catalog.pg_get_userbyid(c.relowner)::text AS owner
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
        AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
                           AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')
      ORDER BY n.nspname, c.relname`,
  );
  return rows.map(({ relkind, oid, ...rest }) => ({ ...rest, oid: Number(oid), kind: KINDS[relkind]! }));
}

async function matchingRelations(session: PgSession, patterns: readonly string[]): Promise<Set<number>> {
  if (patterns.length === 0) return new Set();
  const parsed = patterns.map(parseNamePattern);
  // Visibility is judged with the role's own search path, as pg_dump does.
  await session.query('matching patterns', 'RESET search_path');
  try {
    const rows = await session.query<{ oid: string }>(
      'matching patterns',
      `SELECT c.oid::pg_catalog.text AS oid
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS p(schema, name)
                       WHERE c.relname OPERATOR(pg_catalog.~) p.name
                         AND CASE WHEN p.schema IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
                                  ELSE n.nspname OPERATOR(pg_catalog.~) p.schema END)`,
      [parsed.map((pattern) => pattern.schema), parsed.map((pattern) => pattern.name)],
    );
    return new Set(rows.map((row) => Number(row.oid)));
  } finally {
    await session.query('matching patterns', `SELECT pg_catalog.set_config('search_path', '', false)`);
  }
}

async function matchingSchemas(session: PgSession, patterns: readonly string[]): Promise<string[]> {
  if (patterns.length === 0) return [];
  const regexes = patterns.map((pattern) => parseNamePattern(pattern).name);
  const rows = await session.query<{ name: string }>(
    'matching schemas',
    `SELECT n.nspname::text AS name FROM pg_catalog.pg_namespace n
      WHERE EXISTS (SELECT FROM pg_catalog.unnest($1::text[]) AS p(name) WHERE n.nspname OPERATOR(pg_catalog.~) p.name)`,
    [regexes],
  );
  return rows.map((row) => row.name);
}

/**
 * Applies the patterns as pg_dump does: -t beats -n; what is excluded goes with its definition. pg_dump is then given exact
 * names, so that both halves of the dump agree.
 * @throws PG_NOTHING_TO_DUMP when an include pattern was given and nothing fits
 */
export async function selectRelations(session: PgSession, options: LogicalDumpOptions): Promise<Selection> {
  const all = await listRelations(session);
  const includedTables = await matchingRelations(session, options.includeTables);
  const excludedTables = await matchingRelations(session, options.excludeTables);
  const schemas = await matchingSchemas(session, options.includeSchemas);
  const excludedSchemas = await matchingSchemas(session, options.excludeSchemas);
  const mode = options.includeTables.length > 0 ? 'tables' : options.includeSchemas.length > 0 ? 'schemas' : 'all';
  const wanted = (relation: Relation): boolean => {
    if (excludedTables.has(relation.oid)) return false;
    if (mode === 'tables') return includedTables.has(relation.oid);
    if (excludedSchemas.includes(relation.schema)) return false;
    return mode === 'all' || schemas.includes(relation.schema);
  };
  const relations = all.filter(wanted);
  const nothing = mode === 'tables' ? relations.length === 0 : mode === 'schemas' && schemas.length === 0;
  if (nothing)
    throw postgresError('PG_NOTHING_TO_DUMP', '', {
      context: { patterns: [...options.includeTables, ...options.includeSchemas].join(', ') },
    });
  return { relations, excluded: all.filter((relation) => !wanted(relation)), mode, schemas, excludedSchemas };
}

/** Columns of each table in COPY order: neither dropped nor generated. */
export async function listColumns(session: PgSession, oids: readonly number[]): Promise<Map<number, string[]>> {
  const rows = await session.query<{ oid: string; columns: string[] }>(
    'listing columns',
    `SELECT a.attrelid::text AS oid, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS columns
       FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      GROUP BY a.attrelid`,
    [oids],
  );
  return new Map(rows.map((row) => [Number(row.oid), row.columns]));
}

export interface RelationSize {
  readonly heapBytes: number;
  readonly toastBytes: number;
}

/** Bytes on disk now; call after the tables are locked, for it waits for whoever holds an exclusive lock. */
export async function listSizes(session: PgSession, oids: readonly number[]): Promise<Map<number, RelationSize>> {
  const rows = await session.query<{ oid: string; heap: string | null; toast: string | null }>(
    'measuring tables',
    `SELECT c.oid::text AS oid, pg_catalog.pg_relation_size(c.oid)::text AS heap,
            pg_catalog.pg_relation_size(NULLIF(c.reltoastrelid, 0))::text AS toast
       FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return new Map(
    rows.map((row) => [Number(row.oid), { heapBytes: Number(row.heap ?? 0), toastBytes: Number(row.toast ?? 0) }]),
  );
}

/**
 * Tables whose storage was replaced (TRUNCATE, rewriting ALTER, VACUUM FULL) or that were dropped after the snapshot and before
 * our lock: the snapshot would see them empty, and nobody would notice.
 */
export async function listRewritten(session: PgSession, oids: readonly number[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'checking the snapshot',
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid)`,
    [oids],
  );
  return rows.map((row) => row.name);
}
