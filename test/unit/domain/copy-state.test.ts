import * as fc from 'fast-check';
import { COPY_STATES, COPY_TRANSITIONS, isGood, mayFollow, type CopyWord } from '../../../src/domain/copy-state';
import { PROOF_GRADES, type CopyState } from '../../../src/domain/names';

const states = fc.constantFrom(...COPY_STATES);
const words: fc.Arbitrary<CopyWord> = fc
  .tuple(states, fc.constantFrom(...PROOF_GRADES))
  .map(([state, grade]) => (state === 'proved' ? { state, grade } : { state }));

const follow = (before: CopyState | null, word: CopyWord): CopyState | null =>
  mayFollow(before, word) ? word.state : before;

describe('what may follow on a state of a copy', () => {
  const cases: readonly (readonly [CopyState | null, CopyWord, boolean])[] = [
    [null, { state: 'pending' }, true],
    [null, { state: 'proved', grade: 'exact' }, true],
    ['pending', { state: 'copying' }, true],
    ['copying', { state: 'pending' }, true],
    ['copying', { state: 'complete' }, true],
    ['complete', { state: 'copying' }, false],
    ['complete', { state: 'pending' }, false],
    ['complete', { state: 'proved', grade: 'stored' }, true],
    ['proved', { state: 'copying' }, false],
    ['proved', { state: 'complete' }, false],
    ['proved', { state: 'damaged' }, true],
    ['proved', { state: 'lost' }, true],
    ['damaged', { state: 'copying' }, false],
    ['damaged', { state: 'complete' }, true],
    ['damaged', { state: 'proved', grade: 'stored' }, false],
    ['damaged', { state: 'proved', grade: 'intact' }, true],
    ['lost', { state: 'copying' }, true],
    ['lost', { state: 'proved', grade: 'exact' }, true],
    ['proved', { state: 'retired' }, true],
    ['retired', { state: 'copying' }, true],
  ];
  test.each(cases)('%s, then %j: %s', (before, word, expected) => {
    expect(mayFollow(before, word)).toBe(expected);
  });

  test('every state says what may follow on it, and none needs to name itself', () => {
    expect(Object.keys(COPY_TRANSITIONS).sort()).toEqual(['absent', ...COPY_STATES].sort());
    for (const [state, next] of Object.entries(COPY_TRANSITIONS)) expect(next).not.toContain(state);
  });
});

describe('whatever is said, in whatever order', () => {
  test('a word said twice is a word said once', () => {
    fc.assert(
      fc.property(fc.option(states), words, (before, word) => {
        const once = follow(before, word);
        expect(follow(once, word)).toBe(once);
      }),
    );
  });

  test('words of a transfer alone never make a good copy anything but good, and never clear a damage', () => {
    const transfer = fc.constantFrom<CopyWord>({ state: 'pending' }, { state: 'copying' });
    fc.assert(
      fc.property(fc.constantFrom<CopyState>('complete', 'proved', 'damaged'), fc.array(transfer), (start, said) => {
        expect(said.reduce<CopyState | null>(follow, start)).toBe(start);
      }),
    );
  });

  test('a proved copy stays proved until something is held against it or its store is retired', () => {
    fc.assert(
      fc.property(fc.array(words), (said) => {
        const harmless = said.filter(({ state }) => !['damaged', 'lost', 'retired'].includes(state));
        expect(harmless.reduce<CopyState | null>(follow, 'proved')).toBe('proved');
      }),
    );
  });

  test('a proof that read the bytes always tells, whatever was known', () => {
    fc.assert(
      fc.property(fc.option(states), fc.constantFrom('intact', 'restored', 'exact'), (before, grade) => {
        expect(follow(before, { state: 'proved', grade })).toBe('proved');
      }),
    );
  });

  test('every state can be left for a good one and for lost: no copy is stuck', () => {
    for (const state of COPY_STATES) {
      if (!isGood(state)) expect(COPY_TRANSITIONS[state].some(isGood)).toBe(true);
      if (state !== 'lost') expect(COPY_TRANSITIONS[state]).toContain('lost');
    }
  });
});
