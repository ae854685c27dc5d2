/** The table of contents of a pg_dump archive, as `pg_restore --list --verbose` prints it. Pure. */

export interface ArchiveEntry {
  readonly id: number;
  /** OID of the system catalogue and of the object in the source; 0 for what is part of another object. */
  readonly catalog: number;
  readonly oid: number;
  /** "TABLE", "FK CONSTRAINT", "MATERIALIZED VIEW DATA" … */
  readonly kind: string;
  /** What follows the kind: schema (or `-`), tag and owner, parted by spaces that may stand in names too. */
  readonly rest: string;
  readonly line: string;
  readonly dependsOn: readonly number[];
}

/** Kinds of more than one word; their first words are kinds too, or begin none. */
const LONG_KINDS = [
  'ACCESS METHOD',
  'BLOB METADATA',
  'CHECK CONSTRAINT',
  'DATABASE PROPERTIES',
  'DEFAULT ACL',
  'EVENT TRIGGER',
  'FK CONSTRAINT',
  'FOREIGN DATA WRAPPER',
  'FOREIGN TABLE',
  'INDEX ATTACH',
  'LARGE OBJECT',
  'MATERIALIZED VIEW DATA',
  'MATERIALIZED VIEW',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PUBLICATION TABLES IN SCHEMA',
  'PUBLICATION TABLE',
  'ROW SECURITY',
  'SECURITY LABEL',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'SHELL TYPE',
  'STATISTICS DATA',
  'SUBSCRIPTION TABLE',
  'TABLE ATTACH',
  'TABLE DATA',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
  'USER MAPPING',
];
/** Of these no object has a catalogue row: with one, the second word is the name of a schema in capitals. */
const WITHOUT_CATALOG = new Set(['INDEX ATTACH', 'SEQUENCE OWNED BY', 'SEQUENCE SET', 'TABLE ATTACH']);

const ENTRY = /^(\d+); (\d+) (\d+) (.*)$/;

export function parseArchiveList(text: string): ArchiveEntry[] {
  const entries: (ArchiveEntry & { readonly dependsOn: number[] })[] = [];
  for (const line of text.split('\n')) {
    const depends = /^;\s+depends on:([\d ]*)$/.exec(line);
    if (depends) entries[entries.length - 1]?.dependsOn.push(...(depends[1]!.match(/\d+/g) ?? []).map(Number));
    const match = ENTRY.exec(line);
    if (!match) continue;
    const [, id, catalog, oid, what] = match;
    const long = LONG_KINDS.find(
      (kind) => what!.startsWith(`${kind} `) && !(WITHOUT_CATALOG.has(kind) && catalog !== '0'),
    );
    const kind = long ?? what!.slice(0, what!.indexOf(' '));
    const rest = what!.slice(kind.length + 1);
    entries.push({ id: Number(id), catalog: Number(catalog), oid: Number(oid), kind, rest, line, dependsOn: [] });
  }
  return entries;
}
