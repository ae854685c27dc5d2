import type { DatabaseConfig } from '../../../config/schema';
import { toConnectionTarget } from '../../../config/secrets';
import { withSession, type PgSession } from '../../../postgres/connection';
import { knownBadMinor, listTools, type ClientTools } from '../../../postgres/tools';
import type { CliContext } from '../../context';
import { clockFinding, examine, fail, ok, warn, type Finding } from './finding';

/** Tools, and for each database: connection, version, privileges, clock. */
export async function checkDatabases(context: CliContext): Promise<readonly Finding[]> {
  const { databases, tools } = await context.config();
  const installed = await listTools({ binDirs: tools.postgresBin, path: process.env.PATH, signal: context.signal });
  const perDatabase = await Promise.all(
    databases.map((database) =>
      examine(`database ${database.name}`, () => checkDatabase(database, installed[0] ?? null, context.signal)),
    ),
  );
  return [...checkTools(installed), ...perDatabase.flat()];
}

function checkTools(installed: readonly ClientTools[]): readonly Finding[] {
  const newest = installed[0];
  if (!newest) {
    return [
      fail(
        'client tools',
        'no pg_dump, pg_dumpall, pg_restore and psql were found',
        'install the PostgreSQL client of the newest major, or name its folder in tools.postgresBin',
      ),
    ];
  }
  const fact = `PostgreSQL ${newest.version} in ${newest.binDir}`;
  return knownBadMinor(newest.version)
    ? [
        warn(
          'client tools',
          `${fact} has a known hole in pg_restore`,
          'update to 18.7, 17.12, 16.16, 15.20 or newer before restoring archives of others',
        ),
      ]
    : [ok('client tools', fact)];
}

async function checkDatabase(
  database: DatabaseConfig,
  tools: ClientTools | null,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const area = `database ${database.name}`;
  const target = await toConnectionTarget(database.connection, database.name);
  return withSession(target, { applicationName: 'holdfast doctor', timeoutMs: 10_000, signal }, async (session) => {
    const major = Math.floor(session.serverVersionNum / 10_000);
    const findings = [ok(area, `PostgreSQL ${session.serverVersion}`)];
    if (tools !== null && tools.major < major) {
      findings.push(
        fail(
          area,
          `its server (${major}) is newer than the client tools (${tools.version})`,
          `install the PostgreSQL ${major} client`,
        ),
      );
    }
    if (
      !target.host.startsWith('/') &&
      !['localhost', '127.0.0.1', '::1'].includes(target.host) &&
      target.sslmode !== 'verify-full'
    ) {
      findings.push(
        warn(
          area,
          `sslmode is ${target.sslmode ?? 'prefer'}`,
          'use sslmode verify-full, so that nobody can stand in for the server',
        ),
      );
    }
    return [...findings, ...(await checkPrivileges(area, session)), await checkClock(area, session)];
  });
}

async function checkPrivileges(area: string, session: PgSession): Promise<readonly Finding[]> {
  const denied = await session.query<{ name: string; total: string }>(
    'looking at privileges',
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, count(*) OVER () AS total
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
        AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                 AND CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                          ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)
      ORDER BY 1 LIMIT 3`,
  );
  const [role] = await session.query<{ name: string; superuser: boolean; bypass: boolean; forced: string }>(
    'looking at the role',
    `SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS bypass,
            (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relrowsecurity AND c.relkind IN ('r', 'p')
                AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE'))) AS forced
       FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
  );
  const findings: Finding[] = [];
  if (denied.length > 0) {
    const names = denied.map((row) => row.name).join(', ');
    findings.push(
      fail(
        area,
        `the role ${role!.name} may not read ${denied[0]!.total} relations: ${names}`,
        `GRANT pg_read_all_data TO ${role!.name} (docs/security.md)`,
      ),
    );
  } else {
    findings.push(ok(area, `the role ${role!.name} may read every table`));
  }
  if (!role!.superuser && !role!.bypass && Number(role!.forced) > 0) {
    findings.push(
      fail(
        area,
        `row security hides rows of ${role!.forced} tables from the role ${role!.name}`,
        `ALTER ROLE ${role!.name} BYPASSRLS`,
      ),
    );
  }
  if (role!.superuser) {
    findings.push(
      warn(area, `the role ${role!.name} is a superuser`, 'use a role that may only read (docs/security.md)'),
    );
  }
  return findings;
}

async function checkClock(area: string, session: PgSession): Promise<Finding> {
  const before = Date.now();
  const [row] = await session.query<{ now: string }>(
    'asking the time',
    `SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now`,
  );
  const middle = (before + Date.now()) / 2;
  return clockFinding(area, Number(row!.now) - middle);
}
