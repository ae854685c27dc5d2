/** Strict shapes of what a manifest may say. What passes here is safe to act on: sizes bounded, paths checked, sums right. */
import { z } from 'zod';
import { isBackupId, isName } from '../domain/names';
import { isFilePath, isHash } from './layout';
import { MAX_SEGMENT_BYTES } from './segment';
import type { Inventory, ManifestBody } from './types';

/** One manifest names at most this many segments or files: 16 TiB at the default size, and a bound for hostile input. */
const MAX_ENTRIES = 1_048_576;
const MAX_NAME = 63 * 4;

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const hash = z.string().refine(isHash, { error: 'not a SHA-256 in hex' });
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/);
const backupId = z.string().refine(isBackupId, { error: 'not a backup id' });
const path = z.string().refine(isFilePath, { error: 'not a safe relative path' });
const text = z.string().max(4096);
const identifier = z.string().min(1).max(MAX_NAME);

export const inventorySchema = z.strictObject({
  format: z.literal(1),
  repositoryId: z.string().min(1).max(64),
  database: z.string().refine(isName, { error: 'not a database name' }),
  backupId,
  engine: z.enum(['logical', 'physical']),
  type: z.enum(['full', 'differential', 'incremental']),
  basedOn: backupId.nullable(),
  startedAt: time,
  completedAt: time,
  segmentBytes: z.int().min(1).max(MAX_SEGMENT_BYTES),
  recipients: z.array(z.string().max(4096)).min(1).max(64),
  segments: z
    .array(
      z.strictObject({
        id: hash,
        object: hash,
        plainBytes: z.int().min(1).max(MAX_SEGMENT_BYTES),
        // Sealing adds a header and tags; zstd never grows its input by more than a few per mille.
        sealedBytes: z
          .int()
          .min(1)
          .max(2 * MAX_SEGMENT_BYTES),
      }),
    )
    .max(MAX_ENTRIES),
  rows: count,
  plainBytes: count,
  sealedBytes: count,
  bodyHash: hash,
});

const summarySchema = z.looseObject({
  engine: z.enum(['logical', 'physical']),
  serverVersion: text,
  serverVersionNum: count,
  toolVersion: text,
  systemIdentifier: text.nullable(),
  databaseName: identifier,
  encoding: text,
  collate: text,
  ctype: text,
  localeProvider: text.nullable(),
  icuLocale: text.nullable(),
  snapshotLsn: text.nullable(),
  snapshotAt: text,
  globalsWithoutPasswords: z.boolean(),
  extensions: z.array(z.looseObject({ name: text, version: text })).max(10_000),
  files: z
    .array(
      z.looseObject({
        path,
        kind: z.enum(['schema', 'globals', 'rows', 'base', 'wal']),
        bytes: count,
        table: z.looseObject({ oid: count, schema: identifier, name: identifier }).optional(),
        range: z.looseObject({ fromBlock: count, toBlock: count.nullable() }).nullable().optional(),
        rows: count.optional(),
      }),
    )
    .max(MAX_ENTRIES),
  tables: z
    .array(
      z.looseObject({
        oid: count,
        schema: identifier,
        name: identifier,
        columns: z.array(identifier).max(1_664),
        rows: count,
        bytes: count,
        files: z.array(path).max(MAX_ENTRIES),
      }),
    )
    .max(MAX_ENTRIES),
  rows: count,
  plainBytes: count,
  notices: z.array(z.string().max(65_536)).max(10_000),
});

export const bodySchema = z.strictObject({
  format: z.literal(1),
  backupId,
  inventoryHash: hash,
  summary: summarySchema,
  files: z
    .array(z.strictObject({ path, bytes: count, segments: z.array(z.int().min(0).max(MAX_ENTRIES)).max(MAX_ENTRIES) }))
    .max(MAX_ENTRIES),
});

/** First fault found, or null. Checks what a shape cannot say: uniqueness and sums of the inventory. */
export function inventoryFault(inventory: Inventory): string | null {
  const ids = new Set(inventory.segments.map((segment) => segment.id));
  const objects = new Set(inventory.segments.map((segment) => segment.object));
  if (ids.size !== inventory.segments.length || objects.size !== inventory.segments.length) {
    return 'a segment is listed twice';
  }
  if (inventory.segments.some((segment) => segment.plainBytes > inventory.segmentBytes)) {
    return 'a segment is larger than the segment size';
  }
  const sealed = inventory.segments.reduce((sum, segment) => sum + segment.sealedBytes, 0);
  if (sealed !== inventory.sealedBytes) return 'the sealed bytes do not add up';
  return null;
}

/** As `inventoryFault`, for the body against its inventory. */
export function bodyFault(body: ManifestBody, inventory: Inventory): string | null {
  const files = new Map(body.files.map((file) => [file.path, file]));
  if (files.size !== body.files.length) return 'a file is listed twice';
  const used = new Set<number>();
  let plain = 0;
  for (const file of body.files) {
    let bytes = 0;
    for (const [position, index] of file.segments.entries()) {
      const segment = inventory.segments[index];
      if (!segment) return `file ${file.path} names a segment that is not in the inventory`;
      // Cut at fixed sizes: only the last piece of a file may be short.
      if (position < file.segments.length - 1 && segment.plainBytes !== inventory.segmentBytes) {
        return `file ${file.path} has a short segment in its middle`;
      }
      used.add(index);
      bytes += segment.plainBytes;
    }
    if (bytes !== file.bytes) return `the segments of file ${file.path} do not add up`;
    plain += bytes;
  }
  if (plain !== inventory.plainBytes) return 'the plain bytes do not add up';
  if (used.size !== inventory.segments.length) return 'a segment belongs to no file';
  return summaryFault(body);
}

/** The engine's account of the dump against the files that were stored. */
export function summaryFault({ summary, files }: Pick<ManifestBody, 'summary' | 'files'>): string | null {
  const stored = new Map(files.map((file) => [file.path, file.bytes]));
  const described = new Set<string>();
  for (const file of summary.files) {
    if (described.has(file.path)) return `the summary lists file ${file.path} twice`;
    described.add(file.path);
    if (stored.get(file.path) !== file.bytes) {
      return `file ${file.path} has ${stored.get(file.path) ?? 'no'} bytes stored, ${file.bytes} in the summary`;
    }
  }
  if (described.size !== stored.size) return 'a stored file is not in the summary';
  for (const table of summary.tables) {
    for (const path of table.files) if (!described.has(path)) return `a table names file ${path}, which is not there`;
  }
  return null;
}
