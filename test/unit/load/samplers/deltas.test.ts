import fc from 'fast-check';
import { DeltaReader } from '../../../../src/load/samplers/deltas';

test('the first reading gives no rate, the second gives the growth and the time between them', () => {
  const reader = new DeltaReader();
  expect(reader.advance('a', 1_000, { commits: 10, rows: 7 })).toBeNull();
  expect(reader.advance('a', 3_000, { commits: 25, rows: 7 })).toEqual({
    seconds: 2,
    grown: { commits: 15, rows: 0 },
  });
});

test.each([
  ['another epoch', 'b', { commits: 25 }],
  ['a counter that fell', 'a', { commits: 9 }],
  ['a counter that is no number', 'a', { commits: Number.NaN }],
  ['a counter that appeared', 'a', { commits: 25, rows: 1 }],
  ['a counter under another name', 'a', { rows: 25 }],
])('%s begins counting anew', (_, epoch, counters) => {
  const reader = new DeltaReader();
  reader.advance('a', 0, { commits: 10 });
  expect(reader.advance(epoch, 1_000, counters)).toBeNull();
});

test('after a reset the next pair of readings counts again', () => {
  const reader = new DeltaReader();
  reader.advance('a', 0, { commits: 1_000 });
  expect(reader.advance('a', 1_000, { commits: 3 })).toBeNull();
  expect(reader.advance('a', 2_000, { commits: 5 })).toEqual({ seconds: 1, grown: { commits: 2 } });
});

test('a reading that comes too soon is left out, and the next one counts from the one before it', () => {
  const reader = new DeltaReader();
  reader.advance('a', 0, { commits: 0 });
  expect(reader.advance('a', 50, { commits: 5 })).toBeNull();
  expect(reader.advance('a', 1_000, { commits: 10 })).toEqual({ seconds: 1, grown: { commits: 10 } });
});

test('no sequence of readings gives a rate below zero or without end', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ epoch: fc.constantFrom('a', 'b'), at: fc.nat(10_000), value: fc.double({ min: -10, max: 1e9 }) }),
      ),
      (readings) => {
        const reader = new DeltaReader();
        for (const { epoch, at, value } of readings) {
          const delta = reader.advance(epoch, at, { value });
          if (!delta) continue;
          expect(delta.grown.value! / delta.seconds).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(delta.grown.value! / delta.seconds)).toBe(true);
        }
      },
    ),
  );
});
