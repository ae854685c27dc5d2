import fc from 'fast-check';
import { isCurrentAttempt } from '../../../src/domain/messages';
import { askedPace, FULL_PACE, newerPace, paceWord, type Pace } from '../../../src/domain/pace';

const target = fc.record({
  maxBytesPerSecond: fc.option(fc.integer({ min: 1 })),
  readers: fc.option(fc.integer({ min: 1, max: 64 })),
  paused: fc.boolean(),
  reason: fc.constant('r'),
  setBy: fc.constant('s'),
  sequence: fc.integer({ min: 1, max: 1_000 }),
});

test('of targets in any order, doubled or not, the highest sequence wins', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(target, { selector: (one) => one.sequence, minLength: 1 }),
      fc.nat(),
      (targets, seed) => {
        const shuffled = [...targets, ...targets].sort(
          (a, b) => ((a.sequence * 7919 + seed) % 101) - ((b.sequence * 7919 + seed) % 101),
        );
        const end = shuffled.reduce<Pace>((now, asked) => newerPace(now, asked), FULL_PACE);
        expect(end).toEqual(targets.reduce((a, b) => (a.sequence > b.sequence ? a : b)));
      },
    ),
  );
});

test('a signal without content changes the pause alone and is newer', () => {
  const limited = { ...FULL_PACE, maxBytesPerSecond: 5, sequence: 7 };
  expect(askedPace(limited, undefined, true)).toMatchObject({ paused: true, maxBytesPerSecond: 5, sequence: 8 });
});

test('a rate or readers that are not above zero are not taken', () => {
  expect(askedPace({ ...FULL_PACE, readers: 2 }, { maxBytesPerSecond: 0, readers: -1, sequence: 1 })).toMatchObject({
    maxBytesPerSecond: null,
    readers: 2,
  });
});

test('one word says the pace', () => {
  expect([FULL_PACE, { ...FULL_PACE, readers: 1 }, { ...FULL_PACE, readers: 1, paused: true }].map(paceWord)).toEqual([
    'full',
    'limited',
    'paused',
  ]);
});

test('an attempt is current until a later one, or a later dump, has spoken', () => {
  const ref = (dump: number, attempt: number) => ({ dump, attempt, queue: 'q' });
  expect(isCurrentAttempt(null, ref(1, 1))).toBe(true);
  expect(isCurrentAttempt(ref(1, 2), ref(1, 1))).toBe(false);
  expect(isCurrentAttempt(ref(1, 3), ref(2, 1))).toBe(true);
});
