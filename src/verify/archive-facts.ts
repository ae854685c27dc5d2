/**
 * What a `schema.dump` says should be there: its entries, where its sequences stand, and one digest over its large
 * objects. Read from the text that pg_restore prints, with memory that does not grow with the archive's data.
 */
import { createHash, type Hash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { startChild } from '../postgres/child-process';

/**
 * Entries that both dumps of an equal database have, whatever the version of the tools. Left out: data (compared
 * by content), large objects (the same), what a new cluster brings by itself, and statistics.
 */
const COMPARED_TYPES = [
  'ACCESS METHOD',
  'ACL',
  'AGGREGATE',
  'CAST',
  'CHECK CONSTRAINT',
  'COLLATION',
  'COMMENT',
  'CONSTRAINT',
  'CONVERSION',
  'DEFAULT ACL',
  'DEFAULT',
  'DOMAIN',
  'EVENT TRIGGER',
  'EXTENSION',
  'FK CONSTRAINT',
  'FOREIGN DATA WRAPPER',
  'FOREIGN TABLE',
  'FUNCTION',
  'INDEX ATTACH',
  'INDEX',
  'MATERIALIZED VIEW',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'OPERATOR',
  'POLICY',
  'PROCEDURAL LANGUAGE',
  'PROCEDURE',
  'PUBLICATION TABLE',
  'PUBLICATION',
  'ROW SECURITY',
  'RULE',
  'SCHEMA',
  'SEQUENCE OWNED BY',
  'SEQUENCE',
  'SERVER',
  'STATISTICS',
  'SUBSCRIPTION',
  'TABLE ATTACH',
  'TABLE',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
  'TRANSFORM',
  'TRIGGER',
  'TYPE',
  'USER MAPPING',
  'VIEW',
] as const;
// Data types of the listing start with a compared word: they must not pass for a TABLE or a SEQUENCE named so.
const DATA_TYPES = /^(TABLE DATA|SEQUENCE SET|MATERIALIZED VIEW DATA|STATISTICS DATA|TABLE STATISTICS) /;
const LARGE_OBJECT = /^(ACL|COMMENT|SECURITY LABEL) \S+ LARGE OBJECTS? /;

/**
 * One line of `pg_restore -l`, without its numbers: `TABLE public customers postgres`; null when it is not compared.
 * Numbers are object ids, which differ in every database.
 */
export function comparedEntry(line: string): string | null {
  const match = /^\d+; \d+ \d+ (.+)$/.exec(line);
  const entry = match?.[1];
  if (entry === undefined || DATA_TYPES.test(entry) || LARGE_OBJECT.test(entry)) return null;
  return COMPARED_TYPES.some((type) => entry.startsWith(`${type} `)) ? entry : null;
}

/** How often each compared entry stands in the listing. */
export async function listEntries(
  pgRestore: string,
  archive: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const entries = new Map<string, number>();
  for await (const line of linesOf(pgRestore, ['--list', archive], signal)) {
    const entry = comparedEntry(line);
    if (entry !== null) entries.set(entry, (entries.get(entry) ?? 0) + 1);
  }
  return entries;
}

export interface SequenceValue {
  /** Qualified and quoted as SQL takes it. */
  readonly name: string;
  readonly lastValue: string;
  readonly isCalled: boolean;
}
export interface LargeObjectFacts {
  readonly count: number;
  readonly bytes: number;
  /** Sum of SHA-256(oid, content) over all of them, modulo 2^256, hex: the same in any order. */
  readonly digest: string;
}
export interface ArchiveData {
  readonly sequences: readonly SequenceValue[];
  readonly largeObjects: LargeObjectFacts;
}

const SETVAL = /^SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$/;
const LO_OPEN = /^SELECT pg_catalog\.lo_open\('(\d+)', \d+\);$/;
const LO_WRITE = /^SELECT pg_catalog\.lowrite\(0, '\\x([0-9a-f]*)'\);$/;
const LO_CLOSE = 'SELECT pg_catalog.lo_close(0);';

/** Reads the data section of the archive as pg_restore prints it. */
export async function readArchiveData(pgRestore: string, archive: string, signal: AbortSignal): Promise<ArchiveData> {
  return parseArchiveData(linesOf(pgRestore, ['--section=data', '--file=-', archive], signal));
}

export async function parseArchiveData(lines: AsyncIterable<string> | Iterable<string>): Promise<ArchiveData> {
  const sequences: SequenceValue[] = [];
  const largeObjects = new LargeObjectDigest();
  for await (const line of lines) {
    if (!line.startsWith('SELECT pg_catalog.')) continue;
    const write = LO_WRITE.exec(line);
    if (write) {
      largeObjects.write(Buffer.from(write[1]!, 'hex'));
      continue;
    }
    const open = LO_OPEN.exec(line);
    if (open) largeObjects.open(open[1]!);
    else if (line === LO_CLOSE) largeObjects.close();
    const set = SETVAL.exec(line);
    if (set) sequences.push({ name: set[1]!.replaceAll("''", "'"), lastValue: set[2]!, isCalled: set[3] === 'true' });
  }
  return { sequences, largeObjects: largeObjects.facts() };
}

/** One digest over many large objects, each given in pieces, one after another. */
export class LargeObjectDigest {
  private count = 0;
  private bytes = 0;
  private sum = 0n;
  private current: Hash | null = null;

  open(oid: string): void {
    this.current = createHash('sha256').update(`${oid}:`);
    this.count += 1;
  }
  write(piece: Buffer): void {
    this.current?.update(piece);
    this.bytes += piece.length;
  }
  close(): void {
    if (this.current === null) return;
    this.sum = (this.sum + BigInt(`0x${this.current.digest('hex')}`)) & ((1n << 256n) - 1n);
    this.current = null;
  }
  facts(): LargeObjectFacts {
    this.close();
    return { count: this.count, bytes: this.bytes, digest: this.sum.toString(16).padStart(64, '0') };
  }
}

async function* linesOf(command: string, args: readonly string[], signal: AbortSignal): AsyncGenerator<string> {
  const child = startChild({
    command,
    args,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    stdout: 'pipe',
    signal,
    what: 'reading the archive',
  });
  child.stdout!.on('error', () => undefined);
  try {
    yield* createInterface({ input: child.stdout!, crlfDelay: Infinity });
    await child.done;
  } finally {
    child.kill();
  }
}
