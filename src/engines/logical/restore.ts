/** A logical restore: roles, definitions, rows in parallel, sequences and large objects, then indexes and constraints. */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error';
import { postgresError } from '../../errors/postgres';
import { childEnvironment, type ChildEnvironment } from '../../postgres/child-environment';
import { runChild } from '../../postgres/child-process';
import { connect, type PgSession } from '../../postgres/connection';
import { quoteIdentifier } from '../../postgres/identifiers';
import { findRestoreTools, type ClientTools } from '../../postgres/tools';
import type { DumpedTable, RestoreProgress, RestoreRequest, RestoreSummary } from '../engine';
import { parseArchiveList } from './archive-list';
import { selectEntries, type ArchiveSelection } from './archive-selection';
import { GLOBALS_FILE, SCHEMA_FILE } from './dump';
import { createRoles } from './restore-roles';
import { loadTables } from './restore-rows';

type Step = RestoreProgress['step'];

/**
 * pg_restore of this major and newer begins with SET transaction_timeout, which older servers do not know. For those alone
 * `--exit-on-error` is left out, and anything but that one refusal is a failure all the same.
 */
const TIMEOUT_SINCE = 17;

export async function restoreLogical(request: RestoreRequest): Promise<RestoreSummary> {
  const { target, options, signal } = request;
  const started = performance.now();
  const session = await connect(target, { signal, applicationName: 'holdfast restore' });
  let environment: ChildEnvironment | null = null;
  let folder: string | null = null;
  try {
    await mkdir(options.scratchDir, { recursive: true });
    folder = await mkdtemp(join(options.scratchDir, 'restore-'));
    environment = await childEnvironment(target, 'holdfast pg_restore');
    const tools = await findRestoreTools(session.serverVersionNum, request.summary.toolVersion, {
      binDirs: options.binDirs,
      major: options.clientMajor,
      signal,
    });
    return await new Restore(request, session, tools, environment, folder).run(started);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await session.close();
    await environment?.remove();
    if (folder) await rm(folder, { recursive: true, force: true });
  }
}

class Restore {
  private readonly notices: string[] = [];
  private readonly steps: Record<string, number> = {};
  private readonly counts = new Map<number, number>();
  private readonly archive: string;
  private readonly role: string | null;
  private listFile: string | null = null;
  private tables: readonly DumpedTable[];
  private progress: { -readonly [Key in keyof RestoreProgress]: RestoreProgress[Key] };

  constructor(
    private readonly request: RestoreRequest,
    private readonly session: PgSession,
    private readonly tools: ClientTools,
    private readonly environment: ChildEnvironment,
    folder: string,
  ) {
    const { owners } = request.options;
    this.archive = join(folder, SCHEMA_FILE);
    this.role = typeof owners === 'object' ? owners.mapTo : null;
    this.tables = request.summary.tables;
    this.progress = {
      step: 'globals',
      current: null,
      tablesDone: 0,
      tablesTotal: this.tables.length,
      rows: 0,
      plainBytes: 0,
      plainBytesTotal: 0,
    };
  }

  async run(started: number): Promise<RestoreSummary> {
    const { options } = this.request;
    if (options.globals === 'roles') await this.step('globals', () => this.restoreRoles());
    await this.step('pre-data', async () => {
      await this.fetchArchive();
      await this.select();
      await this.pgRestore('pre-data');
    });
    await this.step('rows', () => this.loadRows());
    await this.step('data', () => this.pgRestore('data'));
    await this.step('post-data', () => this.pgRestore('post-data'));
    const tables = await this.step('check', async () => this.check());
    return {
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      plainBytes: this.progress.plainBytes,
      tables,
      durationMs: Math.round(performance.now() - started),
      steps: this.steps,
      notices: this.notices,
    };
  }

  private async step<Result>(step: Step, work: () => Promise<Result>): Promise<Result> {
    const started = performance.now();
    this.report({ step, current: null });
    const result = await work();
    this.steps[step] = Math.round(performance.now() - started);
    return result;
  }

  private report(change: Partial<RestoreProgress>): void {
    Object.assign(this.progress, change);
    this.request.onProgress({ ...this.progress });
  }

  private async restoreRoles(): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.request.source.readFile(GLOBALS_FILE, { signal: this.request.signal }))
      chunks.push(chunk);
    this.notices.push(...(await createRoles(this.session, Buffer.concat(chunks).toString('utf8'))));
  }

  private async fetchArchive(): Promise<void> {
    const { source, signal } = this.request;
    const file = createWriteStream(this.archive, { mode: 0o600, flags: 'wx' });
    try {
      await pipeline(Readable.from(source.readFile(SCHEMA_FILE, { signal })), file, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HoldfastError) throw error;
      const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
      throw postgresError(
        full ? 'PG_NO_SPACE' : 'PG_RESTORE_FAILED',
        `writing the archive: ${(error as Error).message}`,
        {
          ...(full ? { hint: 'free space in the scratch folder, then run it again' } : {}),
          cause: error,
        },
      );
    }
  }

  /** Writes the list of entries that pg_restore is to restore, where that is not simply all of them. */
  private async select(): Promise<void> {
    const { options, summary, signal } = this.request;
    const partial = options.schemas.length > 0 || options.tables.length > 0;
    const { stdout } = await this.runTool(['--list', '--verbose', this.archive], 'reading the archive');
    const entries = parseArchiveList(stdout);
    const selection: ArchiveSelection = selectEntries(entries, {
      schemas: options.schemas,
      tables: options.tables,
      known: summary.tables,
      omittedConstraints: summary.omittedConstraints ?? [],
    });
    if (selection.unknown.length > 0)
      throw postgresError('PG_SELECTION_UNKNOWN', `the backup has no ${selection.unknown.join(', ')}`);
    this.notices.push(...selection.notices);
    if (partial) {
      const chosen = new Set(selection.tables);
      this.tables = summary.tables.filter((table) => chosen.has(table));
      this.report({ tablesTotal: this.tables.length });
    }
    if (selection.lines) {
      this.listFile = `${this.archive}.list`;
      await writeFile(this.listFile, selection.lines.join('\n') + '\n', { mode: 0o600, flag: 'wx' });
    }
    for (const schema of selection.schemasToCreate)
      await this.session.query('creating a schema', `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
    signal.throwIfAborted();
  }

  private async loadRows(): Promise<void> {
    const { source, target, summary, options, signal } = this.request;
    this.report({ plainBytesTotal: this.tables.reduce((sum, { bytes }) => sum + bytes, 0) });
    await loadTables({
      source,
      target,
      encoding: summary.encoding,
      jobs: Math.max(1, options.jobs),
      role: this.role,
      tables: this.tables,
      signal,
      onStart: (table) => this.report({ current: `${table.schema}.${table.name}` }),
      onBytes: (bytes) => this.report({ plainBytes: this.progress.plainBytes + bytes }),
      onTable: (table, rows) => {
        this.counts.set(table.oid, rows);
        this.report({ tablesDone: this.progress.tablesDone + 1, rows: this.progress.rows + rows });
      },
    });
  }

  private async pgRestore(section: 'pre-data' | 'data' | 'post-data'): Promise<void> {
    const { target, options, summary } = this.request;
    const tolerant = this.tools.major >= TIMEOUT_SINCE && this.session.serverVersionNum < TIMEOUT_SINCE * 10_000;
    const args = [
      `--section=${section}`,
      ...(tolerant ? [] : ['--exit-on-error']),
      '--no-password',
      `--dbname=${connectionName(target.database)}`,
    ];
    if (section === 'post-data' && options.jobs > 1) args.push(`--jobs=${options.jobs}`);
    if (options.owners !== 'keep') args.push('--no-owner');
    if (this.role !== null) args.push(`--role=${this.role}`);
    if (options.acls === 'omit') args.push('--no-privileges');
    if (await this.lacksTablespaces(summary.tablespaces ?? [])) args.push('--no-tablespaces');
    if (this.listFile) args.push(`--use-list=${this.listFile}`);
    const { stderr } = await this.runTool([...args, this.archive], `restoring ${section}`, tolerant);
    const warnings = stderr.split('\n').filter((line) => /warning/i.test(line));
    this.notices.push(...warnings.slice(0, 20));
  }

  private async lacksTablespaces(used: readonly string[]): Promise<boolean> {
    if (used.length === 0) return false;
    const rows = await this.session.query<{ name: string }>(
      'listing tablespaces',
      'SELECT spcname::text AS name FROM pg_catalog.pg_tablespace WHERE spcname = ANY ($1::text[])',
      [used],
    );
    if (rows.length === used.length) return false;
    const notice = `tablespaces are left out: the target does not have all of ${used.join(', ')}`;
    if (!this.notices.includes(notice)) this.notices.push(notice);
    return true;
  }

  private async runTool(args: readonly string[], what: string, tolerant = false) {
    const { target, signal } = this.request;
    try {
      return await runChild({
        command: this.tools.pgRestore,
        args,
        env: this.environment.env,
        signal,
        what,
        secrets: target.password ? [target.password] : [],
      });
    } catch (error) {
      if (!isHoldfastError(error, 'PG_TOOL_FAILED')) throw error;
      const stderr = (error.cause as { stderr?: string } | undefined)?.stderr ?? '';
      if (tolerant && error.context.exitCode === 1 && onlyUnknownTimeout(stderr)) return { stdout: '', stderr: '' };
      throw restoreFault(error);
    }
  }

  private check(): RestoreSummary['tables'] {
    return this.tables.map((table) => {
      const rows = this.counts.get(table.oid) ?? 0;
      if (rows !== table.rows)
        throw postgresError('PG_ROWS_DIFFER', '', {
          context: { table: `${table.schema}.${table.name}`, restored: rows, expected: table.rows },
        });
      return { schema: table.schema, name: table.name, rows, expected: table.rows };
    });
  }
}

/** A name with `=` or a URL's start would be read as connection settings: said as one, quoted. */
function connectionName(database: string): string {
  return `dbname='${database.replace(/[\\']/g, '\\$&')}'`;
}

/** What pg_restore said, as an error that tells the environment's faults from the backup's. */
function restoreFault(error: HoldfastError): HoldfastError {
  const said = error.message;
  const options = { cause: error.cause };
  if (/role "[^"]*" does not exist/.test(said)) return postgresError('PG_ROLE_MISSING', said, options);
  if (/extension "[^"]*" is not available|could not open extension control file/.test(said))
    return postgresError('PG_EXTENSION_MISSING', said, options);
  if (/No space left on device|could not extend file/.test(said)) return postgresError('PG_NO_SPACE', said, options);
  if (/server closed the connection|connection to server .* failed|terminating connection/.test(said))
    return postgresError('PG_CONNECTION_LOST', said, options);
  if (/permission denied|must be (owner|superuser|member)/.test(said))
    return postgresError('PG_PERMISSION', said, options);
  return postgresError('PG_RESTORE_FAILED', said, options);
}

/** In one piece, whoever else writes; what stands before it is written in pieces of its own. */
const REFUSED_TIMEOUT =
  'could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"\nCommand was: SET transaction_timeout = 0;';

/**
 * True when the complete messages of pg_restore tell of refused SET transaction_timeout and of nothing else. Workers of `--jobs`
 * write at the same time, so the pieces of their messages may stand in one another: what counts is that nothing else is left.
 * Pure.
 */
export function onlyUnknownTimeout(stderr: string): boolean {
  const ignored = /errors ignored on restore: (\d+)\s*$/.exec(stderr);
  const refused = stderr.split(REFUSED_TIMEOUT).length - 1;
  const rest = stderr
    .replaceAll(REFUSED_TIMEOUT, '')
    .replace(/warning: errors ignored on restore: \d+\s*$/, '')
    .replace(/pg_restore:|error:|while INITIALIZING:/g, '');
  // Workers report their refusals too, but only the leader's are counted.
  return rest.trim() === '' && ignored !== null && Number(ignored[1]) <= refused;
}
