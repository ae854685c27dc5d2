/** Roles from globals.sql: those that are missing, and nothing of those that are there. */
import type { PgSession } from '../../postgres/connection';
import { sqlState, statementFault } from '../../postgres/faults';
import { readIdentifier, splitStatements } from './sql-statements';

export interface RolePlan {
  /** CREATE ROLE of missing roles, in order; each must succeed. */
  readonly create: readonly { readonly role: string; readonly sql: string }[];
  /** Attributes, settings, comments and memberships of those; refused ones become notices. */
  readonly then: readonly string[];
}

/** Picks the statements that concern missing roles. Pure. */
export function planRoles(globals: string, existing: ReadonlySet<string>): RolePlan {
  const statements = splitStatements(globals);
  const create = statements.flatMap((sql) => {
    const role = roleAfter(sql, /^CREATE ROLE\s/i);
    return role !== null && !existing.has(role) && !role.startsWith('pg_') ? [{ role, sql }] : [];
  });
  const missing = new Set(create.map(({ role }) => role));
  const then = statements.filter((sql) => {
    const altered = roleAfter(sql, /^(ALTER ROLE|COMMENT ON ROLE|SECURITY LABEL (FOR \S+ )?ON ROLE)\s/i);
    if (altered !== null) return missing.has(altered);
    const grant = /^GRANT\s/i.test(sql) ? readGrant(sql) : null;
    return grant !== null && (missing.has(grant.role) || missing.has(grant.member));
  });
  return { create, then };
}

/** Runs the plan; gives notices. */
export async function createRoles(session: PgSession, globals: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'listing roles',
    'SELECT rolname::text AS name FROM pg_catalog.pg_roles',
  );
  const plan = planRoles(globals, new Set(rows.map(({ name }) => name)));
  const notices: string[] = [];
  for (const { role, sql } of plan.create) {
    try {
      await session.client.query(sql);
      notices.push(`the role ${role} was created`);
    } catch (error) {
      // Somebody else's restore made it meanwhile.
      if (sqlState(error) !== '42710') throw statementFault(error, `creating the role ${role}`);
    }
  }
  for (const sql of plan.then) {
    try {
      await session.client.query(sql);
    } catch (error) {
      if (sqlState(error) === null) throw statementFault(error, 'restoring roles');
      // The statement itself may hold a password: only its beginning is told.
      const about = sql.replace(/\s+/g, ' ').split(/ (?:WITH|SET|IS) /)[0]!;
      notices.push(`refused by the server: ${about}: ${(error as Error).message}`);
    }
  }
  return notices;
}

function roleAfter(sql: string, start: RegExp): string | null {
  const match = start.exec(sql);
  return match ? (readIdentifier(sql.slice(match[0].length))?.name ?? null) : null;
}

/** `GRANT role TO member …`; null for grants of privileges. */
function readGrant(sql: string): { role: string; member: string } | null {
  const role = readIdentifier(sql.replace(/^GRANT\s/i, ''));
  const to = role && /^\s+TO\s/i.exec(role.rest);
  const member = to && readIdentifier(role.rest.slice(to[0].length));
  return member ? { role: role.name, member: member.name } : null;
}
