import fc from 'fast-check';
import { createBufferPool, createCutter, type Piece } from '../../../src/repository/cutter';
import { createNamer } from '../../../src/repository/segment';
import { noise } from '../../support/repository';

jest.setTimeout(60_000); // Many rounds, on a machine that may be busy.

const idKey = noise(32, 9);

async function cut(
  plain: Buffer,
  chunks: readonly number[],
  segmentBytes: number,
): Promise<{ id: string; bytes: string }[]> {
  const pool = createBufferPool(segmentBytes, 2);
  const cutter = createCutter(segmentBytes, pool, await createNamer(idKey));
  const out: { id: string; bytes: string }[] = [];
  const keep = (piece: Piece) => {
    out.push({ id: piece.id, bytes: piece.plain.toString('hex') });
    if (piece.buffer) pool.give(piece.buffer);
  };
  let at = 0;
  for (const size of [...chunks, plain.length]) {
    await cutter.write(Buffer.from(plain.subarray(at, at + size)), async (piece) => keep(piece));
    at = Math.min(plain.length, at + size);
  }
  const rest = cutter.rest();
  if (rest) keep(rest);
  return out;
}

describe('cutting', () => {
  it('gives the same pieces and ids however the bytes arrive', async () => {
    const namer = await createNamer(idKey);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(5000),
        fc.array(fc.nat(900), { maxLength: 20 }),
        fc.integer({ min: 1, max: 1200 }),
        async (bytes, chunks, segmentBytes) => {
          const plain = noise(bytes, bytes + 1);
          const pieces = await cut(plain, chunks, segmentBytes);
          expect(pieces.map((piece) => piece.bytes).join('')).toBe(plain.toString('hex'));
          expect(pieces.length).toBe(Math.ceil(bytes / segmentBytes));
          for (const [index, piece] of pieces.entries()) {
            const exact = plain.subarray(index * segmentBytes, (index + 1) * segmentBytes);
            expect(piece).toEqual({ id: await namer.idOf(exact), bytes: exact.toString('hex') });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('does not set a segment aside for a small file', async () => {
    let taken = 0;
    const pool = { take: () => Buffer.alloc((taken++, 1 << 20)), give: () => {} };
    const cutter = createCutter(1 << 20, pool, await createNamer(idKey));
    await cutter.write(noise(1000), async () => {});
    expect(taken).toBe(0);
    expect(cutter.rest()?.plain.equals(noise(1000))).toBe(true);
    await cutter.write(noise(300_000), async () => {});
    expect(taken).toBe(1);
  });
});
