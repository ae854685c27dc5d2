import { join } from 'node:path';
import { DAY_STARTS, measureDay, RULE_SETS } from '../../../bench/day';
import { composeDay, readRecording } from '../../../bench/day/recording';
import { dayGoals, dayPart } from '../../../bench/report-day';
import { isSignalName } from '../../../src/domain/load/signals';

const recording = readRecording(join(__dirname, '../../../bench/day'));
const MONDAY = Date.UTC(2026, 10, 23);

test('the recording is of real rounds at several rates, and holds signals and numbers alone', () => {
  expect(recording.signals.every(isSignalName)).toBe(true);
  expect(recording.levels.length).toBeGreaterThanOrEqual(4);
  for (const { rows } of recording.levels) {
    expect(rows.length).toBeGreaterThanOrEqual(20);
    for (const row of rows) {
      expect(row).toHaveLength(recording.signals.length);
      expect(row.every((value) => value === null || (Number.isFinite(value) && value >= 0))).toBe(true);
    }
  }
});

test('a composed day repeats for its seed, differs for another, and is as busy as it is asked to be', () => {
  const cpuOf = (seed: number, busy: number) => {
    const alone = composeDay({ recording, seed, busy: () => busy });
    return Array.from({ length: 600 }, (_, index) => alone(MONDAY + index * 2_000).hostCpu!);
  };
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(cpuOf(1, 0.5)).toEqual(cpuOf(1, 0.5));
  expect(cpuOf(2, 0.5)).not.toEqual(cpuOf(1, 0.5));
  expect(mean(cpuOf(1, 0))).toBeLessThan(0.1);
  expect(mean(cpuOf(1, 1))).toBeGreaterThan(0.5);
});

test('in the quick day no pace flaps and no feasible deadline is missed, whichever rules hold', () => {
  const rules = ['done by 06:00', 'within 2 h, no peak hours'];
  const result = measureDay({ recording, seed: 3, starts: [1], rules });
  expect(result.lanes.map((lane) => lane.rules)).toEqual(rules);
  const goals = dayGoals(result);
  expect(goals.map(({ met }) => met)).toEqual([true, true]);
  expect(result.lanes.reduce((sum, { feasible }) => sum + feasible, 0)).toBeGreaterThanOrEqual(3);
  // It was steered, not let through.
  expect(Math.max(...result.lanes.map(({ changesAnHour }) => changesAnHour))).toBeGreaterThan(1);
  const text = dayPart({ at: '2026-11-21T10:00:00Z', megabytes: 0, rounds: 1, loadBefore: 0, values: result }).join(
    '\n',
  );
  expect(text).toContain('| done by 06:00 | 2 |');
}, 300_000);

test('a lane that flapped or missed what was feasible does not meet its goals', () => {
  const lane = {
    ...{ rules: 'x', backups: 2, timesUngoverned: 1, notDone: 0, pausedShare: 0, changesAnHour: 9 },
    ...{ mostChangesAMinute: 5, feasible: 2, missed: 1, unwarned: 0 },
  };
  const result = { lanes: [lane], decisions: 1, rounds: 1, seed: 1 };
  expect(dayGoals(result).map(({ met, measured }) => [met, measured])).toEqual([
    [false, '5'],
    [false, '1 of 2'],
  ]);
  expect(Object.values(RULE_SETS).every(({ timing }) => timing.maxChangesPerMinute === 4)).toBe(true);
  expect(DAY_STARTS.length).toBeGreaterThan(3);
});
