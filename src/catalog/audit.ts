import { createHash } from 'node:crypto';
import type { Database } from './database';
import { limit, where } from './filter';
import { storable, storableJson } from './text';
import type { AuditEntry, AuditMark, Catalog } from './types';

const COLUMNS = `seq, at, actor, action, database, backup_id AS "backupId", details, hash`;
/** Hash before the first entry. */
const GENESIS = '0'.repeat(64);
const PAGE = 1_000;

type Content = Omit<AuditEntry, 'seq' | 'hash'>;

/** Rows of `audit_log`: each entry's hash covers the one before, so that a change in the middle shows. */
export function auditQueries(db: Database): Pick<Catalog, 'audit' | 'auditLog' | 'auditHead' | 'auditVerify'> {
  const table = db.table('audit_log');
  const head = async (): Promise<AuditMark | null> => {
    const [row] = await db.rows<AuditMark>(`SELECT seq, hash FROM ${db.table('audit_head')}`);
    return row ?? null;
  };
  return {
    audit(entry) {
      const content: Content = {
        at: entry.at,
        actor: storable(entry.actor),
        action: storable(entry.action),
        database: entry.database ?? null,
        backupId: entry.backupId ?? null,
        details: storableJson(entry.details ?? {}) as Content['details'],
      };
      const key = sha256(serialize(content));
      return db.transaction(async ({ rows }) => {
        // Appends wait for each other; readers do not wait.
        await rows(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
        const [known] = await rows<AuditEntry>(`SELECT ${COLUMNS} FROM ${table} WHERE content = $1`, [key]);
        if (known) return known;
        const [last] = await rows<{ seq: number; hash: string }>(
          `SELECT seq, hash FROM ${table} ORDER BY seq DESC LIMIT 1`,
        );
        const seq = (last?.seq ?? 0) + 1;
        const hash = link(last?.hash ?? GENESIS, seq, content);
        await rows(
          `INSERT INTO ${table} (seq, at, actor, action, database, backup_id, details, content, hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
          [
            seq,
            content.at,
            content.actor,
            content.action,
            content.database,
            content.backupId,
            JSON.stringify(content.details),
            key,
            hash,
          ],
        );
        return { ...content, seq, hash };
      });
    },

    async auditLog(filter) {
      const { sql, parameters } = where([['database', filter.database]]);
      return db.rows<AuditEntry>(
        `SELECT ${COLUMNS} FROM ${table}${sql} ORDER BY seq DESC${limit(filter.limit)}`,
        parameters,
      );
    },

    auditHead: head,

    async auditVerify(expected) {
      // Read before the log: what is appended in the meantime is beyond every mark.
      const marks = [await head(), expected ?? null].filter((mark) => mark !== null);
      let previous: AuditMark = { seq: 0, hash: GENESIS };
      for (;;) {
        const page = await db.rows<AuditEntry>(
          `SELECT ${COLUMNS} FROM ${table} WHERE seq > $1 ORDER BY seq LIMIT ${PAGE}`,
          [previous.seq],
        );
        for (const entry of page) {
          if (entry.seq !== previous.seq + 1 || entry.hash !== link(previous.hash, entry.seq, entry)) return entry.seq;
          // A chain that was made anew is whole in itself, but not the one that was noted.
          if (marks.some(({ seq, hash }) => seq === entry.seq && hash !== entry.hash)) return entry.seq;
          previous = entry;
        }
        if (page.length < PAGE) return marks.some(({ seq }) => seq > previous.seq) ? previous.seq + 1 : null;
      }
    },
  };
}

function link(previousHash: string, seq: number, content: Content): string {
  return sha256(`${previousHash}\n${seq}\n${serialize(content)}`);
}

/** The same text for the same entry, whatever order jsonb gives its fields. */
function serialize({ at, actor, action, database, backupId, details }: Content): string {
  return JSON.stringify([at.toISOString(), actor, action, database, backupId, storableJson(details)]);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
