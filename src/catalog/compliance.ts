/** Rows of `compliance`: what each backup has of the copies that the policy wants, one row for each change. */
import type { ComplianceFacts } from '../config/compliance-facts';
import { complianceOf, type Compliance, type JudgedCopy } from '../domain/compliance';
import type { Database, Queries } from './database';
import { where } from './filter';
import type { Catalog, ComplianceRow } from './types';

/** Which policy holds for a database, and what its stores are. */
export type Judge = (database: string) => ComplianceFacts;

const COLUMNS = `backup_id AS "backupId", database, at, met || '/' || wanted AS state, met, wanted, proved, compliant, missing`;

/** Judges one backup anew and writes a row when something changed. In the transaction that changed its copies. */
export async function judgeBackup(
  db: Queries,
  judge: Judge,
  { backupId, database, at }: { readonly backupId: string; readonly database: string; readonly at: Date },
): Promise<void> {
  const { policy, stores } = judge(database);
  if (policy === null) return;
  const copies = await db.rows<JudgedCopy>(`SELECT store, state FROM ${db.table('copies')} WHERE backup_id = $1`, [
    backupId,
  ]);
  const [last] = await db.rows<ComplianceRow>(
    `SELECT ${COLUMNS} FROM ${db.table('compliance')} WHERE backup_id = $1 ORDER BY id DESC LIMIT 1`,
    [backupId],
  );
  const found = complianceOf(policy, stores, copies);
  if (last && isSame(last, found)) return;
  // A word that arrives late does not put history out of order.
  const when = last && last.at.getTime() > at.getTime() ? last.at : at;
  await db.rows(
    `INSERT INTO ${db.table('compliance')} (backup_id, database, at, met, wanted, proved, compliant, missing)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [backupId, database, when, found.met, found.wanted, found.proved, found.compliant, JSON.stringify(found.missing)],
  );
}

export function complianceQueries(
  db: Database,
  judge: Judge | undefined,
): Pick<Catalog, 'compliance' | 'complianceHistory' | 'judgeAll'> {
  const table = db.table('compliance');
  return {
    async compliance(filter) {
      const { sql, parameters } = where([
        ['backup_id', filter.backupId],
        ['database', filter.database],
      ]);
      return db.rows<ComplianceRow>(
        `SELECT DISTINCT ON (backup_id) ${COLUMNS} FROM ${table}${sql} ORDER BY backup_id DESC, id DESC`,
        parameters,
      );
    },

    async complianceHistory({ database }) {
      return db.rows<ComplianceRow>(`SELECT ${COLUMNS} FROM ${table} WHERE database = $1 ORDER BY at, id`, [database]);
    },

    async judgeAll(database, at) {
      if (judge === undefined || judge(database).policy === null) return;
      const living = await db.rows<{ backupId: string }>(
        `SELECT backup_id AS "backupId" FROM ${db.table('backup_jobs')}
          WHERE database = $1 AND status = 'completed' AND deleted_at IS NULL`,
        [database],
      );
      for (const { backupId } of living) {
        await db.transaction(async (queries) => {
          await lockBackup(queries, backupId);
          await judgeBackup(queries, judge, { backupId, database, at });
        });
      }
    },
  };
}

/** Whoever changes what is known of a backup's copies does so one after another, until the transaction ends. */
export async function lockBackup(db: Queries, backupId: string): Promise<void> {
  await db.rows(`SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 321))`, [backupId]);
}

function isSame(row: ComplianceRow, found: Compliance): boolean {
  const clauses = (list: Compliance['missing']) => list.map(({ sentence }) => sentence).join('\n');
  return (
    row.met === found.met &&
    row.wanted === found.wanted &&
    row.proved === found.proved &&
    row.compliant === found.compliant &&
    clauses(row.missing) === clauses(found.missing)
  );
}
