import fc from 'fast-check';
import { FULL_PACE, isAutomatic, LOAD_WATCH, nextPace, operatorHolds, type Pace } from '../../../src/domain/pace';

const NOW = 1_000;
const pace = (changes: Partial<Pace>): Pace => ({ ...FULL_PACE, setBy: 'ana', ...changes });
const word = fc
  .record({
    setBy: fc.constantFrom(LOAD_WATCH, 'default', 'ana', 'ben'),
    paused: fc.boolean(),
    sequence: fc.integer({ min: 1, max: 50 }),
    until: fc.constantFrom<(number | null | undefined)[]>(undefined, null, NOW - 1, NOW, NOW + 1),
  })
  .map(({ until, ...rest }) => pace({ ...rest, ...(until === undefined ? {} : { until }) }));

/** As a run keeps it. */
function replay(words: readonly Pace[], now = NOW) {
  let current = FULL_PACE;
  let said = 0;
  for (const asked of words) {
    current = nextPace(current, asked, { said, now });
    if (!isAutomatic(asked)) said = Math.max(said, asked.sequence);
  }
  return { current, said };
}

test.each([
  ['until it is taken back', pace({}), true],
  ['until it is taken back', pace({ until: null }), true],
  ['before its end', pace({ until: NOW + 1 }), true],
  ['not at its end', pace({ until: NOW }), false],
  ['not when a rule set it', pace({ setBy: LOAD_WATCH, until: NOW + 1 }), false],
  ['not when nobody set it', FULL_PACE, false],
])('a word of a person stands %s', (_when, given, holds) => {
  expect(operatorHolds(given, NOW)).toBe(holds);
});

test('the load watch changes nothing while a word of a person stands, whatever the sequence', () => {
  const ana = pace({ sequence: 5, paused: true });
  const watch = pace({ setBy: LOAD_WATCH, sequence: 9 });
  expect(nextPace(ana, watch, { said: 5, now: NOW })).toBe(ana);
  expect(nextPace({ ...ana, until: NOW }, watch, { said: 5, now: NOW })).toBe(watch);
});

test('a word of a person beats a signal of the watch that overtook it', () => {
  const watch = pace({ setBy: LOAD_WATCH, sequence: 9 });
  const ana = pace({ sequence: 5, paused: true });
  expect(nextPace(watch, ana, { said: 0, now: NOW })).toEqual({ ...ana, sequence: 10 });
  // Told twice, it counts once: what came after it stays.
  expect(nextPace(watch, ana, { said: 5, now: NOW })).toBe(watch);
});

test('whatever comes in whatever order: the newest word of a person that stands is in force, and sequences only grow', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      let before = FULL_PACE.sequence;
      words.forEach((_, index) => {
        const { current } = replay(words.slice(0, index + 1));
        expect(current.sequence).toBeGreaterThanOrEqual(before);
        before = current.sequence;
      });
      const people = words.filter((one) => !isAutomatic(one));
      const newest = people.reduce<Pace | null>((a, b) => (a === null || b.sequence > a.sequence ? b : a), null);
      if (newest === null || !operatorHolds(newest, NOW)) return;
      const { current } = replay(words);
      expect({ ...current, sequence: 0 }).toEqual({ ...newest, sequence: 0 });
    }),
  );
});

test('a history told twice ends as it did', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 10 }), (words) => {
      const doubled = words.flatMap((one) => [one, one]);
      expect(replay(doubled)).toEqual(replay(words));
    }),
  );
});
