import fc from 'fast-check';
import { cutTable, orderPieces, piecePath } from '../../../src/engines/logical/plan';

const BLOCK = 8192;
const table = (oid: number, heapBytes: number, cuttable = true) => ({ oid, heapBytes, toastBytes: 0, cuttable });

test('pieces cover every block once, in order, and the last is open to the end', () => {
  fc.assert(
    fc.property(fc.nat(5_000), fc.integer({ min: 1, max: 400 }), (blocks, perRange) => {
      const pieces = cutTable(table(1, blocks * BLOCK), perRange * BLOCK, BLOCK);
      if (pieces.length === 1) return expect(pieces[0]!.range).toBeNull();
      let from = 0;
      pieces.forEach(({ range }, index) => {
        expect(range!.fromBlock).toBe(from);
        expect(range!.toBlock === null).toBe(index === pieces.length - 1);
        from = range!.toBlock ?? from;
      });
      return undefined;
    }),
  );
});

test('a table that grew is cut in the same places again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 401, max: 3_000 }), fc.nat(2_000), (blocks, grown) => {
      const before = cutTable(table(1, blocks * BLOCK), 100 * BLOCK, BLOCK);
      const after = cutTable(table(1, (blocks + grown) * BLOCK), 100 * BLOCK, BLOCK);
      before.slice(0, -1).forEach((piece, index) => {
        expect(after[index]!.path).toBe(piece.path);
        expect(after[index]!.range).toEqual(piece.range);
      });
    }),
  );
});

test('names of pieces sort as their rows stand', () => {
  fc.assert(
    fc.property(fc.nat(4_294_967_295), fc.nat(4_294_967_295), (a, b) => {
      expect(piecePath(7, a) < piecePath(7, b)).toBe(a < b);
    }),
  );
});

test('the biggest table comes first, and a table that cannot be cut stays whole', () => {
  const pieces = orderPieces(
    [table(1, 10 * BLOCK), table(2, 500 * BLOCK), table(3, 900 * BLOCK, false)],
    100 * BLOCK,
    BLOCK,
  );
  expect(pieces.map(({ oid }) => oid)).toEqual([3, 2, 2, 2, 2, 2, 1]);
});
