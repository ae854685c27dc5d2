/** The mean time of a statement, from pg_stat_statements where it is installed. Never a query's text. */
import { sqlState } from '../../../postgres/faults';
import type { PgSession } from '../../../postgres/connection';
import { quoteIdentifier } from '../../../postgres/identifiers';
import { DeltaReader } from '../deltas';
import type { Signals } from '../sampler';
import type { OwnSessions } from './activity';

/** Share of the time that reading this view, whose cost grows with the number of kinds of statements, may take. */
const DUTY = 0.002;
/** How long until an extension that was not there is looked for again. */
const LOOK_AGAIN_MS = 600_000;

const FIND = `
SELECT n.nspname AS schema,
       pg_catalog.to_regclass(pg_catalog.format('%I.pg_stat_statements_info', n.nspname)) IS NOT NULL AS info
  FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
 WHERE e.extname = 'pg_stat_statements'`;

// `false`: the server does not read its file of texts. Entries that were pushed out (dealloc) make sums fall or grow wrongly.
const sums = (schema: string, info: boolean) => `
SELECT ${info ? `(SELECT pg_catalog.concat_ws(' ', stats_reset, dealloc) FROM ${schema}.pg_stat_statements_info)` : `''`} AS epoch,
       coalesce(sum(calls), 0)::float8 AS calls, coalesce(sum(total_exec_time), 0)::float8 AS ms,
       coalesce(sum(calls) FILTER (WHERE userid <> $1::pg_catalog.oid), 0)::float8 AS their_calls,
       coalesce(sum(total_exec_time) FILTER (WHERE userid <> $1::pg_catalog.oid), 0)::float8 AS their_ms
  FROM ${schema}.pg_stat_statements(false)`;

interface SumsRow {
  readonly epoch: string;
  readonly calls: number;
  readonly ms: number;
  readonly their_calls: number;
  readonly their_ms: number;
}

export class StatementReader {
  private readonly deltas = new DeltaReader();
  private found: { readonly schema: string; readonly info: boolean } | null = null;
  private notBefore = 0;

  /** `roleShared`: the application uses our role too, so that our own statements cannot be told from its. */
  async read(session: PgSession, own: OwnSessions, roleShared: boolean): Promise<Signals> {
    const started = performance.now();
    if (started < this.notBefore) return {};
    this.found ??= (await session.query<{ schema: string; info: boolean }>('statement statistics', FIND))[0] ?? null;
    if (!this.found) {
      this.notBefore = started + LOOK_AGAIN_MS;
      return {};
    }
    const { schema, info } = this.found;
    let rows: SumsRow[];
    try {
      const text = sums(quoteIdentifier(schema), info);
      rows = await session.query<SumsRow & Record<string, unknown>>('statement statistics', text, [own.role]);
    } catch (error) {
      this.found = null;
      // The extension is there and its library is not loaded: as if it were not installed.
      if (sqlState(causeOf(error)) !== '55000') throw error;
      this.notBefore = performance.now() + LOOK_AGAIN_MS;
      return {};
    }
    const now = performance.now();
    this.notBefore = now + (now - started) / DUTY;
    const { epoch, ...counters } = rows[0]!;
    const delta = this.deltas.advance(`${schema} ${epoch}`, now, counters);
    if (!delta) return {};
    const { calls, ms, their_calls, their_ms } = delta.grown as Omit<SumsRow, 'epoch'>;
    // Our COPY of a large table takes minutes: it would drown what the application feels.
    if (!roleShared) return their_calls > 0 ? { statementMeanMs: their_ms / their_calls } : {};
    return calls > 0 ? { statementMeanMs: ms / calls } : {};
  }

  /** On a new connection: perhaps of another server. */
  forget(): void {
    this.deltas.forget();
    this.found = null;
    this.notBefore = 0;
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
