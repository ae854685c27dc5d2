/** Keys, summaries and small backups for tests of the repository. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DumpSummary } from '../../src/engines/engine';
import { initKeys, loadKeysFromDir } from '../../src/repository/keys';
import type {
  BackupWriter,
  CommitResult,
  JournalEntry,
  RepositoryKeys,
  SegmentJournal,
  WriterOptions,
} from '../../src/repository/types';
import { createBackupWriter } from '../../src/repository/writer';
import type { ObjectStore } from '../../src/storage/object-store';

export async function withTempDir<Result>(work: (dir: string) => Promise<Result>): Promise<Result> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export async function makeKeys(): Promise<RepositoryKeys> {
  return withTempDir(async (dir) => {
    await initKeys(join(dir, 'keys'));
    return loadKeysFromDir(join(dir, 'keys'));
  });
}

export const BACKUP_ID = '20261121T092530Z-full-1a2b3c4d';

export function writerOptions(
  keys: RepositoryKeys,
  stores: readonly ObjectStore[],
  changes: Partial<WriterOptions> = {},
): WriterOptions {
  return {
    keys,
    database: 'orders',
    backupId: BACKUP_ID,
    type: 'full',
    startedAt: '2026-11-21T09:25:30.000Z',
    segmentBytes: 1024,
    zstdLevel: 1,
    stores,
    inFlight: 4,
    maxLagSegments: 3,
    base: null,
    journal: null,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** A summary that fits these files: the first is the schema, the others hold the rows of one table each. */
export function summaryOf(files: readonly { readonly path: string; readonly bytes: number }[]): DumpSummary {
  const tables = files.slice(1).map((file, index) => ({
    oid: 16_384 + index,
    schema: 'public',
    name: `t${index}`,
    columns: ['id', 'note'],
    rows: 1,
    bytes: file.bytes,
    files: [file.path],
  }));
  return {
    engine: 'logical',
    serverVersion: '15.18',
    serverVersionNum: 150018,
    toolVersion: '15.18',
    systemIdentifier: null,
    databaseName: 'orders',
    encoding: 'UTF8',
    collate: 'C.UTF-8',
    ctype: 'C.UTF-8',
    localeProvider: 'c',
    icuLocale: null,
    snapshotLsn: '0/1',
    snapshotAt: '2026-11-21T09:25:31.000Z',
    globalsWithoutPasswords: false,
    extensions: [],
    files: files.map((file, index) => ({ ...file, kind: index === 0 ? 'schema' : 'rows' })),
    tables,
    rows: tables.length,
    plainBytes: files.reduce((sum, file) => sum + file.bytes, 0),
    notices: [],
  };
}

export type Content = Readonly<Record<string, Buffer>>;

/** Writes the files one after another, in chunks of `chunk` bytes, and commits. */
export async function writeBackup(
  options: WriterOptions,
  content: Content,
  chunk = 700,
): Promise<{ readonly writer: BackupWriter; readonly result: CommitResult }> {
  const writer = await createBackupWriter(options);
  await writeFiles(writer, content, chunk);
  return { writer, result: await writer.commit(summaryFor(content)) };
}
export async function writeFiles(writer: BackupWriter, content: Content, chunk = 700): Promise<void> {
  for (const [path, bytes] of Object.entries(content)) {
    const file = writer.openFile(path);
    for (let at = 0; at < bytes.length; at += chunk) await file.write(Buffer.from(bytes.subarray(at, at + chunk)));
    await file.end();
  }
}
export function summaryFor(content: Content): DumpSummary {
  return summaryOf(Object.entries(content).map(([path, bytes]) => ({ path, bytes: bytes.length })));
}

export async function readAll(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function memoryJournal(entries: JournalEntry[] = []): SegmentJournal & { readonly entries: JournalEntry[] } {
  return {
    entries,
    load: async () => [...entries],
    record: (entry) => entries.push(entry),
    flush: async () => {},
  };
}

/** Bytes that do not compress and are the same for the same seed. */
export function noise(bytes: number, seed = 1): Buffer {
  const out = Buffer.alloc(bytes);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < bytes; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[at] = state & 0xff;
  }
  return out;
}
