/** Before anything is read: may this role read all of it, and could the result be restored? */
import { postgresError } from '../../errors/postgres';
import type { PgSession } from '../../postgres/connection';
import { quoteIdentifier, quoteQualified } from '../../postgres/identifiers';
import type { Relation, Selection } from './catalog';

/** Named in one message; the rest is counted. */
const NAMED = 10;

export interface AccessFindings {
  readonly notices: readonly string[];
  /** Foreign keys of dumped tables to tables that the patterns leave out. */
  readonly omittedConstraints: readonly { readonly schema: string; readonly table: string; readonly name: string }[];
  readonly mayReadPasswords: boolean;
}

/** @throws PG_TABLE_UNREADABLE, PG_ROW_SECURITY, PG_EXCLUDED_NEEDED */
export async function checkAccess(session: PgSession, selection: Selection): Promise<AccessFindings> {
  const [me] = await session.query<{ role: string; passwords: boolean; recovery: boolean }>(
    'checking privileges',
    `SELECT current_user::text AS role, pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords,
            pg_catalog.pg_is_in_recovery() AS recovery`,
  );
  await checkReadable(session, selection, me!.role);
  const hidden = selection.relations.filter(({ kind, rowSecurityActive }) => kind === 'table' && rowSecurityActive);
  if (hidden.length > 0)
    throw postgresError('PG_ROW_SECURITY', `row security would hide rows of ${listed(hidden.map(label))}`, {
      hint: `ALTER ROLE ${quoteIdentifier(me!.role)} BYPASSRLS, or dump as a role to which the policies do not apply`,
      context: { role: me!.role },
    });
  const omittedConstraints = await checkExcluded(session, selection);

  const notices: string[] = [];
  const foreign = selection.relations.filter(({ kind }) => kind === 'foreign table');
  if (foreign.length > 0) notices.push(`rows of foreign tables are not dumped: ${listed(foreign.map(label))}`);
  if (!me!.passwords) notices.push(`roles are dumped without passwords: ${me!.role} may not read pg_authid`);
  for (const { schema, table, name } of omittedConstraints)
    notices.push(`the foreign key ${name} of ${schema}.${table} points to an excluded table and will not be restored`);
  return { notices, omittedConstraints, mayReadPasswords: me!.passwords };
}

async function checkReadable(session: PgSession, selection: Selection, role: string): Promise<void> {
  const needed = selection.relations.filter(({ kind }) => kind === 'table' || kind === 'sequence');
  const grants = new Map<string, string>();
  const to = quoteIdentifier(role);
  for (const relation of needed) {
    if (!relation.schemaUsable)
      grants.set(relation.schema, `GRANT USAGE ON SCHEMA ${quoteIdentifier(relation.schema)} TO ${to}`);
    if (!relation.readable) {
      const what = relation.kind === 'sequence' ? 'SEQUENCE' : 'TABLE';
      grants.set(label(relation), `GRANT SELECT ON ${what} ${quoteQualified(relation.schema, relation.name)} TO ${to}`);
    }
  }
  if (selection.mode === 'all') {
    for (const oid of await unreadableLargeObjects(session))
      grants.set(`large object ${oid}`, `GRANT SELECT ON LARGE OBJECT ${oid} TO ${to}`);
  }
  if (grants.size === 0) return;
  const names = [...grants.keys()];
  throw postgresError('PG_TABLE_UNREADABLE', `the role ${role} may not read ${listed(names)}`, {
    hint: `${[...grants.values()].slice(0, NAMED).join('; ')}${grants.size > NAMED ? '; …' : ''}${
      session.serverVersionNum >= 140_000 ? ` — or all tables at once: GRANT pg_read_all_data TO ${to}` : ''
    }`,
    context: { role, table: names[0]! },
  });
}

async function unreadableLargeObjects(session: PgSession): Promise<string[]> {
  const rows = await session.query<{ oid: string }>(
    'checking large objects',
    `SELECT l.oid::text AS oid FROM pg_catalog.pg_largeobject_metadata l
      WHERE NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
        AND pg_catalog.current_setting('lo_compat_privileges') = 'off'
        AND NOT pg_catalog.pg_has_role(l.lomowner, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(l.lomacl) a
                         WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))
      ORDER BY l.oid LIMIT 1000`,
  );
  return rows.map((row) => row.oid);
}

/** A view on an excluded table could not be made again; a foreign key to one is left out, and said to be. */
async function checkExcluded(session: PgSession, selection: Selection) {
  const excluded = selection.excluded.map(({ oid }) => oid);
  const dumped = selection.relations.map(({ oid }) => oid);
  if (excluded.length === 0) return [];
  const views = await session.query<{ view: string; needs: string }>(
    'checking what depends on excluded tables',
    `SELECT DISTINCT pg_catalog.format('%I.%I', vn.nspname, v.relname) AS view, pg_catalog.format('%I.%I', tn.nspname, t.relname) AS needs
       FROM pg_catalog.pg_rewrite r
       JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                                  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       JOIN pg_catalog.pg_class v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
       JOIN pg_catalog.pg_class t ON t.oid = d.refobjid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
      WHERE r.ev_class = ANY ($1::oid[]) AND d.refobjid = ANY ($2::oid[]) AND t.oid <> v.oid AND v.relkind IN ('v', 'm')`,
    [dumped, excluded],
  );
  const inheriting = await session.query<{ view: string; needs: string }>(
    'checking what inherits from excluded tables',
    `SELECT pg_catalog.format('%I.%I', cn.nspname, c.relname) AS view, pg_catalog.format('%I.%I', pn.nspname, p.relname) AS needs
       FROM pg_catalog.pg_inherits i
       JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
       JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND p.oid = ANY ($2::oid[]) AND NOT c.relispartition`,
    [dumped, excluded],
  );
  const needing = [...views, ...inheriting];
  // With -t and -n the person names what is wanted, as with pg_dump; what is left out was not excluded by name.
  if (needing.length > 0 && selection.mode === 'all')
    throw postgresError(
      'PG_EXCLUDED_NEEDED',
      `excluded, but needed: ${listed(needing.map(({ view, needs }) => `${needs} by ${view}`))}`,
    );
  return session.query<{ schema: string; table: string; name: string }>(
    'checking foreign keys to excluded tables',
    `SELECT n.nspname::text AS schema, c.relname::text AS table, k.conname::text AS name
       FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE k.contype = 'f' AND k.conrelid = ANY ($1::oid[]) AND k.confrelid = ANY ($2::oid[]) AND k.conparentid = 0
      ORDER BY 1, 2, 3`,
    [dumped, excluded],
  );
}

function label(relation: Relation): string {
  return `${relation.schema}.${relation.name}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} more` : shown;
}
