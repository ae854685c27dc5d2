import { InvalidArgumentError } from 'commander';
import {
  countArgument,
  durationArgument,
  listArgument,
  ownersArgument,
  rateArgument,
  readersArgument,
  sizeArgument,
  timeArgument,
} from '../../../src/cli/arguments';

test('rates and sizes are read with their units', () => {
  expect(rateArgument('20MB/s')).toBe(20_000_000);
  expect(sizeArgument('16MiB')).toBe(16 * 2 ** 20);
  expect(rateArgument('none')).toBe('none');
  expect(durationArgument('90s')).toBe(90_000);
});

test.each([
  ['rate', () => rateArgument('fast')],
  ['rate without a unit', () => rateArgument('20')],
  ['rate of nothing', () => rateArgument('0MB')],
  ['count', () => countArgument('0')],
  ['fraction', () => countArgument('1.5')],
  ['readers', () => readersArgument('many')],
  ['time', () => timeArgument('yesterday')],
  ['time that is none', () => timeArgument('2026-13-40T00:00:00Z')],
  ['time without a zone', () => timeArgument('2026-11-21T06:00:00')],
  ['owners', () => ownersArgument('map:')],
])('a wrong %s is refused with what would be accepted', (_what, parse) => {
  expect(parse).toThrow(InvalidArgumentError);
});

test('times are ISO, or a span back from now', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  expect(timeArgument('6h', now).toISOString()).toBe('2026-11-21T06:00:00.000Z');
  expect(timeArgument('2026-11-20T00:00:00Z', now).toISOString()).toBe('2026-11-20T00:00:00.000Z');
  expect(timeArgument('now', now)).toBe(now);
});

test('lists are repeated or separated by commas', () => {
  expect(listArgument('c', listArgument('a,b'))).toEqual(['a', 'b', 'c']);
});

test('owners are kept, left out or mapped', () => {
  expect(ownersArgument('keep')).toBe('keep');
  expect(ownersArgument('map:app')).toEqual({ mapTo: 'app' });
  expect(readersArgument('all')).toBe('all');
});
