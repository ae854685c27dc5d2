import { estimateRead, estimateText, measuredText } from '../../../src/domain/reading';

const MIB = 1024 * 1024;

test.each([
  ['nothing measured, no limit: no time', { bytes: MIB, objects: 1 }, [], null, null],
  [
    'the rate of the last readings together',
    { bytes: 4 * MIB, objects: 4 },
    [
      { bytes: MIB, ms: 500 },
      { bytes: MIB, ms: 1_500 },
    ],
    null,
    4_000,
  ],
  ['never faster than the limit', { bytes: 4 * MIB, objects: 4 }, [{ bytes: MIB, ms: 1 }], MIB, 4_000],
  ['the limit alone, where nothing is measured', { bytes: 2 * MIB, objects: 1 }, [], MIB, 2_000],
  ['a reading of nothing measures nothing', { bytes: MIB, objects: 1 }, [{ bytes: 0, ms: 100 }], null, null],
])('an estimate of the time: %s', (_what, read, samples, limit, ms) => {
  expect(estimateRead(read, samples, limit).ms).toBe(ms);
});

test('it reads as a sentence, before and after', () => {
  const read = { bytes: 1.25 * 1024 * MIB, objects: 1_812, ms: 200_000, cost: '0.11 EUR' };
  expect(estimateText(read)).toBe('1.3 GiB in 1,812 objects, about 3 min, costs about 0.11 EUR');
  expect(measuredText(read)).toBe('1.3 GiB in 1,812 objects, 3 min, 6.4 MiB/s, cost 0.11 EUR');
  expect(estimateText({ ...read, ms: null, cost: null })).toBe('1.3 GiB in 1,812 objects');
});
