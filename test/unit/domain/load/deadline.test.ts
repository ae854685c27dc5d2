import { deadlineOutlook, isTight } from '../../../../src/domain/load/deadline';

const NOW = Date.UTC(2026, 10, 23, 1);
const HOUR = 3_600_000;
/** With ten gigabytes left, and the deadline three hours away. */
const tightAt = (bytesPerSecond: number | null, hours = 3) =>
  isTight(
    deadlineOutlook(
      { now: NOW, deadlineAt: NOW + hours * HOUR, bytesLeft: 36e9, bytesPerSecond, fullBytesPerSecond: 60e6 },
      () => 'then',
    ),
    NOW,
  );

test('a deadline is tight while less than three times of what is left to do is left until it', () => {
  // An hour at 10 MB/s.
  expect(tightAt(10e6, 3.1)).toBe(false);
  expect(tightAt(10e6, 2.9)).toBe(true);
  expect(tightAt(60e6)).toBe(false);
});

test('one that is at risk is tight; one that is lost, or of which nothing is known, is hurried for by nobody', () => {
  expect(tightAt(1e6)).toBe(true);
  expect(tightAt(0)).toBe(true);
  expect(tightAt(10e6, 0.1)).toBe(false);
  expect(tightAt(null)).toBe(false);
});
