/** SQL assertions of the config: one query, one value, compared as text, in a transaction that cannot write. */
import { isHoldfastError, type HoldfastError } from '../errors/holdfast-error';
import { verifyError } from '../errors/verify';
import type { PgSession } from '../postgres/connection';
import type { ProofRecord } from '../repository/types';
import type { SqlAssertion } from './types';

const TIMEOUT_MS = 60_000;
/** PostgreSQL writes booleans so; people write `expect: true`. */
const BOOLEANS: ReadonlyMap<string, string> = new Map([
  ['t', 'true'],
  ['f', 'false'],
]);

export interface AssertionOutcome {
  readonly results: ProofRecord['assertions'];
  /** The first that found another value, or could not be run. */
  readonly failure: HoldfastError | null;
}

/** Runs all of them, so that the record shows every result and not only the first that failed. */
export async function runAssertions(
  session: PgSession,
  assertions: readonly SqlAssertion[],
): Promise<AssertionOutcome> {
  const results: ProofRecord['assertions'][number][] = [];
  let failure: HoldfastError | null = null;
  for (const { name, sql, expect } of assertions) {
    try {
      const actual = await singleValue(session, sql);
      const ok = actual === expect || BOOLEANS.get(actual) === expect;
      results.push({ name, ok, expected: expect, actual });
      if (!ok)
        failure ??= verifyError('VERIFY_ASSERTION_FAILED', `expected ${expect}, found ${actual}`, {
          context: { name },
        });
    } catch (error) {
      if (!isHoldfastError(error) || error.code === 'PG_CONNECTION_LOST') throw error;
      results.push({ name, ok: false, expected: expect, actual: `error: ${error.message}` });
      failure ??= verifyError('VERIFY_ASSERTION_BROKEN', `the assertion could not be run: ${error.message}`, {
        context: { name },
        cause: error,
      });
    }
  }
  return { results, failure };
}

async function singleValue(session: PgSession, sql: string): Promise<string> {
  const what = 'running an assertion';
  await session.query(
    what,
    `BEGIN READ ONLY; SET LOCAL statement_timeout = ${TIMEOUT_MS}; SET LOCAL search_path = public`,
  );
  try {
    // PostgreSQL itself makes the text; the driver's idea of dates and numbers stays out of it.
    const rows = await asText(session, sql);
    if (rows.length !== 1 || rows[0]!.length !== 1)
      throw verifyError('VERIFY_ASSERTION_BROKEN', `the query gave ${rows.length} rows, not one row with one value`);
    return rows[0]![0] ?? 'null';
  } finally {
    await session.query(what, 'ROLLBACK');
  }
}

/** Values as the server sends them. An empty list of parameters makes it one statement: `SELECT 1; DROP …` is refused. */
async function asText(session: PgSession, text: string): Promise<(string | null)[][]> {
  const config = {
    text: text.trim().replace(/;\s*$/, ''),
    values: [],
    rowMode: 'array' as const,
    queryMode: 'extended',
    types: { getTypeParser: () => (value: string) => value },
  };
  try {
    const result = await session.client.query<(string | null)[]>(config);
    return result.rows;
  } catch (error) {
    const { message, code } = error as { message: string; code?: string };
    throw verifyError('VERIFY_ASSERTION_BROKEN', code ? `${message} (${code})` : message, { cause: error });
  }
}
