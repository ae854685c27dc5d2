import { copyStateAfter, countsAsProved, gradeAfter } from '../../../src/domain/proof';

describe('what a proof says of its copy', () => {
  it.each([
    ['proved', { grade: 'exact', failure: null }],
    ['proved', { grade: 'stored', failure: null }],
    ['damaged', { grade: 'restored', failure: { class: 'data' } }],
    ['damaged', { grade: null, failure: { class: 'data' } }],
    [null, { grade: 'intact', failure: { class: 'environment' } }],
    [null, { grade: null, failure: { class: 'not-tested' } }],
  ] as const)('is %s after %o', (state, proof) => {
    expect(copyStateAfter(proof)).toBe(state);
  });

  it('keeps the stronger grade when a weaker check passes', () => {
    expect(gradeAfter({ state: 'proved', grade: 'exact' }, 'stored')).toBe('exact');
    expect(gradeAfter({ state: 'proved', grade: 'stored' }, 'exact')).toBe('exact');
    expect(gradeAfter({ state: 'damaged', grade: 'exact' }, 'stored')).toBe('stored');
    expect(gradeAfter(undefined, 'intact')).toBe('intact');
  });

  it('counts a copy only when it is proved as strongly as asked', () => {
    expect(countsAsProved({ state: 'proved', grade: 'exact' }, 'exact')).toBe(true);
    expect(countsAsProved({ state: 'proved', grade: 'intact' }, 'exact')).toBe(false);
    expect(countsAsProved({ state: 'complete', grade: 'exact' }, 'stored')).toBe(false);
  });
});
