import { ladder } from '../../../../src/domain/load/ladder';
import { startPace } from '../../../../src/domain/load/pace-of';
import { FULL_PACE, LOAD_WATCH } from '../../../../src/domain/pace';

describe('the pace that a dump begins with', () => {
  const most = { maxBytesPerSecond: 10e6 };

  it('is never above the maximum, although the watch has not spoken yet', () => {
    expect(startPace(FULL_PACE, most)).toEqual({ ...FULL_PACE, maxBytesPerSecond: 10e6 });
    expect(startPace({ ...FULL_PACE, setBy: LOAD_WATCH, maxBytesPerSecond: 20e6 }, most).maxBytesPerSecond).toBe(10e6);
    expect(startPace({ ...FULL_PACE, setBy: LOAD_WATCH, maxBytesPerSecond: 4e6 }, most).maxBytesPerSecond).toBe(4e6);
  });

  it('is as asked for where nothing is stated, where nobody watches, and where a person spoke', () => {
    expect(startPace(FULL_PACE, { maxBytesPerSecond: null })).toBe(FULL_PACE);
    expect(startPace(FULL_PACE, null)).toBe(FULL_PACE);
    const ana = { ...FULL_PACE, setBy: 'ana', maxBytesPerSecond: 50e6 };
    expect(startPace(ana, most)).toBe(ana);
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
