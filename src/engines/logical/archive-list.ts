/** The table of contents of a pg_dump archive, as `pg_restore --list --verbose` prints it, and the choice of entries. Pure. */
import type { DumpedTable } from '../engine';

export interface ArchiveEntry {
  readonly id: number;
  /** "TABLE", "FK CONSTRAINT", "MATERIALIZED VIEW DATA" … */
  readonly kind: string;
  /** What follows the kind: schema (or `-`), tag and owner, parted by spaces that may stand in names too. */
  readonly rest: string;
  readonly line: string;
  readonly dependsOn: readonly number[];
}

export interface EntryChoice {
  /** Both empty: everything. */
  readonly schemas: readonly string[];
  readonly tables: readonly string[];
  readonly known: readonly DumpedTable[];
  readonly omittedConstraints: readonly { readonly schema: string; readonly table: string; readonly name: string }[];
}

export interface ArchiveSelection {
  /** Lines for --use-list, in the archive's order; null: all of it. */
  readonly lines: readonly string[] | null;
  readonly tables: readonly DumpedTable[];
  /** Schemas that chosen entries are in and that the archive does not create. */
  readonly schemasToCreate: readonly string[];
  readonly unknown: readonly string[];
  readonly notices: readonly string[];
}

const ENTRY = /^(\d+); \d+ \d+ ((?:[A-Z]+)(?: [A-Z]+)*) (.*)$/;

export function parseArchiveList(text: string): ArchiveEntry[] {
  const entries: (Omit<ArchiveEntry, 'dependsOn'> & { dependsOn: number[] })[] = [];
  for (const line of text.split('\n')) {
    const depends = /^;\s+depends on:([\d ]*)$/.exec(line);
    if (depends) entries[entries.length - 1]?.dependsOn.push(...(depends[1]!.match(/\d+/g) ?? []).map(Number));
    const match = ENTRY.exec(line);
    if (match) entries.push({ id: Number(match[1]), kind: match[2]!, rest: match[3]!, line, dependsOn: [] });
  }
  return entries;
}

export function selectEntries(entries: readonly ArchiveEntry[], choice: EntryChoice): ArchiveSelection {
  const omitted = new Set(
    choice.omittedConstraints.flatMap(({ schema, table, name }) =>
      entries.filter(({ kind, rest }) => kind === 'FK CONSTRAINT' && rest.startsWith(`${schema} ${table} ${name} `)),
    ),
  );
  const lines = omitted.size > 0 ? entries.filter((entry) => !omitted.has(entry)).map(({ line }) => line) : null;
  return { lines, tables: choice.known, schemasToCreate: [], unknown: [], notices: [] };
}
