import fc from 'fast-check';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatRelative,
  formatShare,
  formatTime,
  plural,
} from '../../../../src/cli/output/format';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [1023.6 * 1024, '1 MiB'],
  [16 * 2 ** 20, '16 MiB'],
  [204.4 * 2 ** 30, '204 GiB'],
  [null, '—'],
  [Number.NaN, '—'],
])('%s bytes are shown as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [999.6, '1 s'],
  [2_440, '2.4 s'],
  [9_960, '10 s'],
  [59_600, '1 min'],
  [200_000, '3 min 20 s'],
  [2 * HOUR + 5 * MINUTE, '2 h 5 min'],
  [DAY - 1, '1 d'],
  [3 * DAY + 4 * HOUR, '3 d 4 h'],
  [-5, '0 ms'],
  [null, '—'],
])('%s ms are shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('times are told relative to now, past and future', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  const at = (ms: number) => formatRelative(new Date(now.getTime() + ms), now);
  expect(at(-2_000)).toBe('just now');
  expect(at(-40_000)).toBe('40 s ago');
  expect(at(-12 * MINUTE)).toBe('12 min ago');
  expect(at(3 * HOUR)).toBe('in 3 h');
  expect(at(-30 * HOUR)).toBe('30 h ago');
  expect(at(-4 * DAY)).toBe('4 d ago');
  expect(formatRelative(null, now)).toBe('—');
});

test('absolute times are UTC to the second', () => {
  expect(formatTime('2026-11-21T09:25:30.123Z')).toBe('2026-11-21 09:25:30Z');
});

test('counts have separators and nouns agree with them', () => {
  expect(formatCount(1_204_000)).toBe('1,204,000');
  expect(formatCount(999)).toBe('999');
  expect(plural(1, 'backup')).toBe('1 backup');
  expect(plural(2_000, 'copy', 'copies')).toBe('2,000 copies');
});

test('a share is 100 % only when all is done', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (share) => {
      expect(formatShare(share)).not.toBe('100 %');
    }),
  );
  expect(formatShare(1)).toBe('100 %');
});

test('no size needs more than three digits and a point, and none is shown as 1024 of a unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
      expect(formatBytes(bytes)).toMatch(/^\d{1,4}(\.\d)? (B|KiB|MiB|GiB|TiB|PiB)$/);
      expect(formatBytes(bytes)).not.toMatch(/^1024 /);
    }),
  );
});
