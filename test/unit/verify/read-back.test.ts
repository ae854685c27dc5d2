import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { DumpedTable } from '../../../src/engines/engine';
import { createNamer } from '../../../src/repository/segment';
import { compareTable, type ExpectedPiece } from '../../../src/verify/read-back';

const idKey = randomBytes(32);
const table = (rows: number): DumpedTable => ({
  oid: 1,
  schema: 'public',
  name: 'orders',
  columns: ['id', 'name', 'amount'],
  rows,
  bytes: 0,
  files: ['a', 'b'],
});

/** Cuts as a writer would: the files of a table, each into segments. */
async function pieces(files: readonly Buffer[], segmentBytes: number) {
  const namer = await createNamer(idKey);
  const plain = new Map<string, Buffer>();
  const list: ExpectedPiece[] = [];
  for (const [index, file] of files.entries())
    for (let at = 0, part = 0; at < file.length; at += segmentBytes, part += 1) {
      const piece = file.subarray(at, at + segmentBytes);
      const id = await namer.idOf(piece);
      plain.set(id, piece);
      list.push({
        path: `data/1/${index}.copy`,
        part,
        ref: { id, object: '', plainBytes: piece.length, sealedBytes: 0 },
      });
    }
  return { list, namer, fetch: async (ref: { id: string }) => plain.get(ref.id)! };
}

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('reading rows back', () => {
  it('finds equal rows equal, however the files, the segments and the chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 120 }),
        async (files, segmentBytes, chunkBytes) => {
          const buffers = files.map((file) => Buffer.from(file));
          const { list, namer, fetch } = await pieces(buffers, segmentBytes);
          const stream = { chunks: inChunks(Buffer.concat(buffers), chunkBytes), rows: () => 7 };
          expect(await compareTable(table(7), list, stream, namer, fetch)).toBeNull();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('finds any changed, added or missing byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.integer({ min: 1, max: 90 }),
        fc.nat(),
        fc.constantFrom('change', 'add', 'remove'),
        async (bytes, segmentBytes, where, how) => {
          const stored = Buffer.from(bytes);
          const at = where % stored.length;
          const restored =
            how === 'change'
              ? Buffer.from(stored.map((byte, index) => (index === at ? byte ^ 1 : byte)))
              : how === 'add'
                ? Buffer.concat([stored, Buffer.from('x')])
                : Buffer.concat([stored.subarray(0, at), stored.subarray(at + 1)]);
          const { list, namer, fetch } = await pieces([stored], segmentBytes);
          const stream = { chunks: inChunks(restored, 17), rows: () => 7 };
          expect(await compareTable(table(7), list, stream, namer, fetch)).toMatchObject({ kind: 'content' });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('names line and column of the first difference, and none of the data', async () => {
    const stored = Buffer.from('1\tann\t10\n2\tbob\t20\n3\tcyd\t30\n');
    const restored = Buffer.from('1\tann\t10\n2\tbab\t20\n3\tcyd\t30\n');
    const { list, namer, fetch } = await pieces([stored], 1000);
    const found = await compareTable(table(3), list, { chunks: inChunks(restored, 5), rows: () => 3 }, namer, fetch);
    expect(found?.message).toBe(
      'the rows of public.orders differ after the restore: data/1/0.copy, segment 1, line 2, column name',
    );
  });

  it('reports missing rows as such', async () => {
    const { list, namer, fetch } = await pieces([Buffer.from('1\n2\n')], 100);
    const found = await compareTable(
      table(2),
      list,
      { chunks: inChunks(Buffer.from('1\n'), 5), rows: () => 1 },
      namer,
      fetch,
    );
    expect(found).toMatchObject({
      kind: 'rows',
      message: 'the table public.orders has 1 rows after the restore, not 2',
    });
  });
});
