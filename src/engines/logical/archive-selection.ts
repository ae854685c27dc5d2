/**
 * Which entries of an archive a restore of some schemas or tables needs: the tables, what belongs to them (indexes, constraints,
 * triggers, sequences …), and what those need (types, functions, extensions, schemas). Pure.
 */
import type { DumpedTable } from '../engine';
import type { ArchiveEntry } from './archive-list';

export interface EntryChoice {
  /** Both empty: everything. Exact `schema` and `schema.table` names. */
  readonly schemas: readonly string[];
  readonly tables: readonly string[];
  readonly known: readonly DumpedTable[];
  readonly omittedConstraints: readonly { readonly schema: string; readonly table: string; readonly name: string }[];
}

export interface ArchiveSelection {
  /** Lines for --use-list, in the archive's order; null: all of it. */
  readonly lines: readonly string[] | null;
  /** Tables whose rows are loaded. */
  readonly tables: readonly DumpedTable[];
  /** Schemas that tables are in and that the archive does not create. */
  readonly schemasToCreate: readonly string[];
  readonly unknown: readonly string[];
  readonly notices: readonly string[];
}

const PG_CLASS = 1259;
const ALWAYS = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH']);
const RELATIONS = new Set(['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'FOREIGN TABLE']);
const NAMED_RELATIONS = new Set([...RELATIONS, 'SEQUENCE']);
/** Come along when all relations that they are about are chosen. */
const BELONGING = new Set([
  'ACL',
  'CHECK CONSTRAINT',
  'COMMENT',
  'CONSTRAINT',
  'DEFAULT',
  'FK CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'MATERIALIZED VIEW DATA',
  'POLICY',
  'ROW SECURITY',
  'RULE',
  'SECURITY LABEL',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'STATISTICS',
  'STATISTICS DATA',
  'TABLE ATTACH',
  'TRIGGER',
]);
/** An index of a partition stands without its parent's, so these mind relations alone. */
const ATTACHED_LATER = new Set(['INDEX', 'CONSTRAINT']);
const MINDED = new Set([...RELATIONS, 'INDEX', 'CONSTRAINT']);

export function selectEntries(entries: readonly ArchiveEntry[], choice: EntryChoice): ArchiveSelection {
  const made = new Set(entries.filter(({ kind }) => kind === 'SCHEMA').map(({ rest }) => rest));
  const creates = (schema: string) => schema === 'public' || [...made].some((rest) => rest.startsWith(`- ${schema} `));
  const missing = (tables: readonly DumpedTable[]) =>
    [...new Set(tables.map(({ schema }) => schema))].filter((schema) => !creates(schema));

  if (choice.schemas.length === 0 && choice.tables.length === 0) {
    const omitted = omittedEntries(entries, choice);
    const lines = omitted.size > 0 ? entries.filter((entry) => !omitted.has(entry)).map(({ line }) => line) : null;
    return { lines, tables: choice.known, schemasToCreate: missing(choice.known), unknown: [], notices: [] };
  }
  return new Chooser(entries, choice).choose(missing);
}

/**
 * The foreign keys that cannot be made, and the comments on them; and rows of tables that have files of their own, should the
 * archive hold them too: they would be loaded twice.
 */
function omittedEntries(entries: readonly ArchiveEntry[], choice: EntryChoice): Set<ArchiveEntry> {
  const starts = choice.omittedConstraints.map(({ schema, table, name }) => `${schema} ${table} ${name} `);
  const keys = entries.filter(
    ({ kind, rest }) => kind === 'FK CONSTRAINT' && starts.some((start) => rest.startsWith(start)),
  );
  const ids = new Set(keys.map(({ id }) => id));
  const about = entries.filter(({ kind, dependsOn }) => kind === 'COMMENT' && dependsOn.some((id) => ids.has(id)));
  const filed = new Set(choice.known.map(({ oid }) => oid));
  const rows = entries.filter(({ kind, oid }) => kind === 'TABLE DATA' && filed.has(oid));
  return new Set([...keys, ...about, ...rows]);
}

class Chooser {
  private readonly byId: ReadonlyMap<number, ArchiveEntry>;
  private readonly chosen = new Set<ArchiveEntry>();
  /** Children of partitioned tables: they are made alone and attached later. */
  private readonly partitions = new Map<number, number[]>();
  private readonly partitionIds = new Set<number>();

  constructor(
    private readonly entries: readonly ArchiveEntry[],
    private readonly choice: EntryChoice,
  ) {
    this.byId = new Map(entries.map((entry) => [entry.id, entry]));
    for (const { kind, dependsOn } of entries) {
      const [child, parent] = dependsOn;
      if (kind !== 'TABLE ATTACH' || child === undefined || parent === undefined) continue;
      this.partitions.set(parent, [...(this.partitions.get(parent) ?? []), child]);
      this.partitionIds.add(child);
    }
  }

  choose(missing: (tables: readonly DumpedTable[]) => string[]): ArchiveSelection {
    const { asked, unknown } = this.asked();
    const wanted = new Set<ArchiveEntry>();
    const want = (entry: ArchiveEntry): void => {
      if (wanted.has(entry)) return;
      wanted.add(entry);
      for (const child of this.partitions.get(entry.id) ?? []) want(this.byId.get(child)!);
    };
    asked.forEach(want);

    this.entries.filter(({ kind }) => ALWAYS.has(kind)).forEach((entry) => this.chosen.add(entry));
    wanted.forEach((entry) => this.pull(entry));
    const leftOut = this.addBelonging();
    const omitted = omittedEntries(this.entries, this.choice);

    const rowsOf = new Set([...wanted].filter(({ catalog }) => catalog === PG_CLASS).map(({ oid }) => oid));
    const tables = this.choice.known.filter(({ oid }) => rowsOf.has(oid));
    const bare = [...this.chosen].filter((entry) => entry.kind === 'TABLE' && !wanted.has(entry));
    return {
      lines: this.entries.filter((entry) => this.chosen.has(entry) && !omitted.has(entry)).map(({ line }) => line),
      tables,
      schemasToCreate: missing(tables),
      unknown,
      notices: [
        ...bare.map(({ rest }) => `the table ${named(rest)} comes without rows: what was selected is built on it`),
        ...leftOut.map(({ kind, rest }) => `left out, for it needs what was not selected: ${kind} ${named(rest)}`),
      ],
    };
  }

  /** Entries that the names stand for, and names that stand for none. */
  private asked(): { asked: Set<ArchiveEntry>; unknown: string[] } {
    const asked = new Set<ArchiveEntry>();
    const unknown: string[] = [];
    const schemas = this.schemas();
    for (const schema of this.choice.schemas) {
      const own = this.entries.filter(
        ({ kind, rest }) =>
          (kind === 'SCHEMA' && rest.startsWith(`- ${schema} `)) ||
          (!BELONGING.has(kind) && kind !== 'TABLE DATA' && schemaOf(rest, schemas) === schema) ||
          (kind === 'SEQUENCE' && schemaOf(rest, schemas) === schema),
      );
      if (own.length === 0) unknown.push(schema);
      own.forEach((entry) => asked.add(entry));
    }
    for (const name of this.choice.tables) {
      const known = this.choice.known.find((table) => `${table.schema}.${table.name}` === name);
      const found = this.entries.filter(
        ({ kind, catalog, oid, rest }) =>
          NAMED_RELATIONS.has(kind) &&
          (known ? catalog === PG_CLASS && oid === known.oid : splits(name).some((start) => rest.startsWith(start))),
      );
      if (found.length === 0) unknown.push(name);
      found.forEach((entry) => asked.add(entry));
    }
    return { asked, unknown };
  }

  /** Longest first, so that a schema `a b` is not taken for `a`. */
  private schemas(): string[] {
    const names = new Set(this.choice.known.map(({ schema }) => schema));
    for (const { kind, rest } of this.entries) if (kind === 'SCHEMA') names.add(rest.slice(2, rest.lastIndexOf(' ')));
    for (const schema of this.choice.schemas) names.add(schema);
    names.add('public');
    return [...names].sort((a, b) => b.length - a.length);
  }

  /** Takes an entry and what it cannot be made without. */
  private pull(entry: ArchiveEntry): void {
    if (this.chosen.has(entry)) return;
    this.chosen.add(entry);
    for (const id of entry.dependsOn) {
      const needed = this.byId.get(id);
      if (!needed) continue;
      // A partition is a table of its own until it is attached.
      if (RELATIONS.has(needed.kind) && this.partitionIds.has(entry.id)) continue;
      // An index of a partition, likewise.
      if (ATTACHED_LATER.has(entry.kind) && ATTACHED_LATER.has(needed.kind)) continue;
      this.pull(needed);
    }
  }

  /** Until nothing more comes along. Gives what had to stay behind. */
  private addBelonging(): ArchiveEntry[] {
    for (let before = -1; before !== this.chosen.size;) {
      before = this.chosen.size;
      for (const entry of this.entries) if (!this.chosen.has(entry) && this.belongs(entry)) this.pull(entry);
    }
    const telling = new Set(['FK CONSTRAINT', 'RULE', 'TRIGGER']);
    return this.entries.filter(
      (entry) =>
        telling.has(entry.kind) && !this.chosen.has(entry) && this.relationsOf(entry).some((r) => this.chosen.has(r)),
    );
  }

  private belongs(entry: ArchiveEntry): boolean {
    if (!BELONGING.has(entry.kind)) return false;
    const minded = this.relationsOf(entry);
    if (minded.length > 0) return minded.every((relation) => this.chosen.has(relation));
    // Comments and grants of functions, types and sequences; values of sequences.
    const follows =
      entry.kind === 'COMMENT' ||
      entry.kind === 'ACL' ||
      entry.kind === 'SECURITY LABEL' ||
      entry.kind === 'SEQUENCE SET';
    const about = entry.dependsOn.map((id) => this.byId.get(id)).filter((found) => found !== undefined);
    return follows && about.length > 0 && about.every((found) => this.chosen.has(found));
  }

  private relationsOf(entry: ArchiveEntry): ArchiveEntry[] {
    return entry.dependsOn
      .map((id) => this.byId.get(id))
      .filter((found) => found !== undefined)
      .filter(({ kind }) => (ATTACHED_LATER.has(entry.kind) ? RELATIONS.has(kind) : MINDED.has(kind)));
  }
}

function schemaOf(rest: string, schemas: readonly string[]): string | null {
  return schemas.find((schema) => rest.startsWith(`${schema} `)) ?? null;
}

/** `a.b.c` may be `a` . `b.c` or `a.b` . `c`. */
function splits(name: string): string[] {
  const parts = name.split('.');
  return parts
    .slice(1)
    .map((_, index) => `${parts.slice(0, index + 1).join('.')} ${parts.slice(index + 1).join('.')} `);
}

/** Without the owner at the end. */
function named(rest: string): string {
  return rest.slice(0, rest.lastIndexOf(' '));
}
