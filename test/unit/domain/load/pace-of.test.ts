import { ladder } from '../../../../src/domain/load/ladder';
import { provisionalPace, withinMaximum } from '../../../../src/domain/load/pace-of';
import { FULL_PACE, LOAD_WATCH, newerPace, type Pace } from '../../../../src/domain/pace';

describe('the pace that a dump obeys', () => {
  const most = { maxBytesPerSecond: 10e6 };

  it('is never above the maximum, whatever a rule says', () => {
    expect(withinMaximum(FULL_PACE, most)).toEqual({ ...FULL_PACE, maxBytesPerSecond: 10e6 });
    const watch = { ...FULL_PACE, setBy: LOAD_WATCH };
    expect(withinMaximum({ ...watch, maxBytesPerSecond: 20e6 }, most).maxBytesPerSecond).toBe(10e6);
    expect(withinMaximum({ ...watch, maxBytesPerSecond: 4e6 }, most).maxBytesPerSecond).toBe(4e6);
  });

  it('is as asked for where nothing is stated, and where a person spoke', () => {
    expect(withinMaximum(FULL_PACE, { maxBytesPerSecond: null })).toBe(FULL_PACE);
    const ana = { ...FULL_PACE, setBy: 'ana', maxBytesPerSecond: 50e6 };
    expect(withinMaximum(ana, most)).toBe(ana);
  });
});

describe('a pace that is obeyed before the run confirms it', () => {
  const asked: Pace = { ...FULL_PACE, maxBytesPerSecond: 4e6, setBy: LOAD_WATCH, sequence: 1_000_000 };
  const ana: Pace = { ...FULL_PACE, setBy: 'ana', sequence: 1 };

  it('is newer than what is in force, and older than anything that the run says next', () => {
    const now = provisionalPace(FULL_PACE, asked, 5)!;
    expect(newerPace(FULL_PACE, now)).toBe(now);
    expect(newerPace(now, ana)).toBe(ana);
    expect(newerPace(now, asked)).toBe(asked);
    // Twice in a row: the second waits for the run.
    expect(newerPace(now, provisionalPace(now, { ...asked, paused: true }, 6)!)).toBe(now);
  });

  it('is none against the word of a person, nor to give a snapshot up', () => {
    expect(provisionalPace(ana, asked, 5)).toBeNull();
    expect(provisionalPace(FULL_PACE, { ...asked, giveUp: true }, 5)).toBeNull();
    expect(provisionalPace(FULL_PACE, { ...asked, setBy: 'ana' }, 5)).toBeNull();
  });
});

test('a ladder has no step that is next to nothing above its lowest', () => {
  const rungs = ladder({
    maxBytesPerSecond: 6_897_000,
    minBytesPerSecond: 1_724_000,
    readers: 2,
    uploads: 4,
    measuredBytesPerSecond: null,
  });
  expect(rungs.map(({ maxBytesPerSecond }) => maxBytesPerSecond)).toEqual([6_897_000, 3_448_500, 1_724_000]);
});
