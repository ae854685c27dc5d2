import { serverInUse } from '../../../../src/domain/load/beginning';
import { seriesOf } from '../../../../src/domain/load/series';
import type { LoadSample } from '../../../../src/domain/load/signals';

const T = Date.UTC(2026, 10, 21, 12);
const STALE_MS = 15_000;

/** Newest last, two seconds apart. */
function inUse(signals: readonly LoadSample['signals'][], now = T): boolean {
  const samples = signals.map((of, index): LoadSample => ({
    at: T - (signals.length - 1 - index) * 2_000,
    source: 'postgres',
    signals: of,
  }));
  return serverInUse(seriesOf(samples, { from: T - 120_000, to: T + 5_000 }), now, STALE_MS);
}
const at = (sessionsActive: number, commitsPerSecond: number) => ({ sessionsActive, commitsPerSecond });

test.each([
  ['one at rest', [at(0, 4), at(0, 5)], false],
  ['one with an active session', [at(0, 4), at(1, 4)], true],
  ['one with short transactions alone', [at(0, 300), at(0, 280)], true],
  [
    'the burst that a backup which just ended leaves behind',
    [at(0, 5), at(0, 5), at(0, 5), at(0, 200), at(0, 40)],
    false,
  ],
  ['users who came between two samples', [at(0, 5), at(0, 5), at(2, 900)], true],
  ['one whose only sample is a rate', [{ commitsPerSecond: 50 }], true],
  ['one of which nothing is known', [{}], true],
] as const)('%s: in use is %s', (_, signals, used) => expect(inUse(signals)).toBe(used));

test('samples that are old tell nothing, so it may be in use', () => {
  expect(inUse([at(0, 0)], T + STALE_MS + 1)).toBe(true);
});
