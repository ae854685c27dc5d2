/** Everything but table rows, by pg_dump in the shared snapshot; and the roles, by pg_dumpall. */
import { rm, writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildEnvironment } from '../../postgres/child-environment';
import { startChild } from '../../postgres/child-process';
import { quoteIdentifier, quoteQualified } from '../../postgres/identifiers';
import type { ClientTools } from '../../postgres/tools';
import type { ConnectionTarget, FileSinkHandle } from '../engine';
import type { Relation, Selection } from './catalog';
import { forward } from './forward';

/** Client tools from this major on take long lists from a file, whatever the server. */
const FILTER_FILE_SINCE = 17;
/** Each pattern costs pg_dump a query: tables of one schema share one, by alternation. */
const TABLES_PER_PATTERN = 25;

export interface SchemaDumpOptions {
  readonly target: ConnectionTarget;
  readonly tools: ClientTools;
  readonly environment: ChildEnvironment;
  readonly snapshotId: string;
  readonly selection: Selection;
  /** Tables whose rows come by COPY. */
  readonly tables: readonly Relation[];
  readonly lockTimeoutMs: number;
  /** Of the database. */
  readonly encoding: string;
  readonly signal: AbortSignal;
}

/** Names go to the tools in UTF-8, so they must talk UTF-8 with the server; an unchecked database is taken as it is. */
function encodingArgs(encoding: string): string[] {
  return encoding === 'SQL_ASCII' ? [] : ['--encoding=UTF8'];
}

/** Streams the custom-format archive into `handle`, which is ended only when pg_dump succeeded. Gives the bytes. */
export async function dumpSchema(options: SchemaDumpOptions, handle: FileSinkHandle): Promise<number> {
  const args = [
    '--format=custom',
    '--compress=0',
    '--no-sync',
    ...encodingArgs(options.encoding),
    '--no-password',
    `--snapshot=${options.snapshotId}`,
    ...(options.lockTimeoutMs > 0 ? [`--lock-wait-timeout=${Math.round(options.lockTimeoutMs)}`] : []),
  ];
  const filters = schemaFilters(options.selection, options.tables);
  let folder: string | null = null;
  try {
    if (options.tools.major >= FILTER_FILE_SINCE && filters.length > 0) {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-filter-'));
      const file = join(folder, 'filter');
      await writeFile(file, filters.map(filterLine).join(''), { mode: 0o600 });
      args.push(`--filter=${file}`);
    } else args.push(...filters.map(({ kind, pattern }) => `--${kind}=${pattern}`));
    return await streamTool(options, options.tools.pgDump, args, 'dumping the schema', handle);
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true });
  }
}

/** Streams the cluster's roles, memberships and tablespaces as SQL. */
export async function dumpGlobals(
  options: Pick<SchemaDumpOptions, 'target' | 'tools' | 'environment' | 'signal' | 'lockTimeoutMs' | 'encoding'> & {
    readonly passwords: boolean;
  },
  handle: FileSinkHandle,
): Promise<number> {
  const args = [
    '--globals-only',
    '--no-password',
    `--database=${options.target.database}`,
    ...encodingArgs(options.encoding),
  ];
  if (!options.passwords) args.push('--no-role-passwords');
  return streamTool(options, options.tools.pgDumpall, args, 'dumping the roles', handle);
}

async function streamTool(
  options: Pick<SchemaDumpOptions, 'target' | 'environment' | 'signal'>,
  command: string,
  args: readonly string[],
  what: string,
  handle: FileSinkHandle,
): Promise<number> {
  const child = startChild({
    command,
    args,
    env: options.environment.env,
    signal: options.signal,
    stdout: 'pipe',
    what,
    secrets: options.target.password ? [options.target.password] : [],
  });
  try {
    await forward(child.stdout!, handle);
  } catch (error) {
    child.kill();
    // The child's own failure says more than the broken pipe that follows from it.
    await child.done;
    throw error;
  }
  await child.done;
  return (await handle.end()).bytes;
}

type FilterKind = 'table' | 'schema' | 'exclude-table' | 'exclude-schema' | 'exclude-table-data';
interface Filter {
  readonly kind: FilterKind;
  readonly pattern: string;
}

/** Exact names for pg_dump: what to dump, and which tables' rows are left to COPY. */
export function schemaFilters(selection: Selection, tables: readonly Relation[]): Filter[] {
  const filters: Filter[] = [];
  const add = (kind: FilterKind, relations: readonly Relation[]) =>
    tablePatterns(relations).forEach((pattern) => filters.push({ kind, pattern }));
  if (selection.mode === 'tables') add('table', selection.relations);
  else {
    if (selection.mode === 'schemas')
      selection.schemas.forEach((schema) => filters.push({ kind: 'schema', pattern: quoteIdentifier(schema) }));
    selection.excludedSchemas.forEach((schema) =>
      filters.push({ kind: 'exclude-schema', pattern: quoteIdentifier(schema) }),
    );
    const bySchema = (schema: string) =>
      selection.excludedSchemas.includes(schema) ||
      (selection.mode === 'schemas' && !selection.schemas.includes(schema));
    add(
      'exclude-table',
      selection.excluded.filter(({ schema }) => !bySchema(schema)),
    );
  }
  add('exclude-table-data', tables);
  return filters;
}

/** `"s".("a"|"b")`: quoted parts are literal, the alternation between them is a regular expression's. */
export function tablePatterns(relations: readonly Pick<Relation, 'schema' | 'name'>[]): string[] {
  const bySchema = new Map<string, string[]>();
  for (const { schema, name } of relations) {
    const names = bySchema.get(schema);
    if (names) names.push(name);
    else bySchema.set(schema, [name]);
  }
  const patterns: string[] = [];
  for (const [schema, names] of bySchema) {
    for (let from = 0; from < names.length; from += TABLES_PER_PATTERN) {
      const some = names.slice(from, from + TABLES_PER_PATTERN);
      patterns.push(
        some.length === 1
          ? quoteQualified(schema, some[0]!)
          : `${quoteIdentifier(schema)}.(${some.map(quoteIdentifier).join('|')})`,
      );
    }
  }
  return patterns;
}

const FILTER_WORDS: Readonly<Record<FilterKind, string>> = {
  table: 'include table',
  schema: 'include schema',
  'exclude-table': 'exclude table',
  'exclude-schema': 'exclude schema',
  'exclude-table-data': 'exclude table_data',
};

function filterLine({ kind, pattern }: Filter): string {
  return `${FILTER_WORDS[kind]} ${pattern}\n`;
}
