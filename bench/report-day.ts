/** The day of paces in words and against its goals. */
import type { DayResult } from './day';
import { FEASIBLE_SHARE } from './day/replay';
import type { Goal } from './report';
import type { Measured } from './results';
import { percent, ratio, table } from './words';

const MOST_CHANGES = 4;

export function dayGoals({ lanes }: DayResult): Goal[] {
  const backups = lanes.reduce((sum, lane) => sum + lane.backups, 0);
  const most = Math.max(...lanes.map(({ mostChangesAMinute }) => mostChangesAMinute));
  const [feasible, missed] = [
    lanes.reduce((sum, lane) => sum + lane.feasible, 0),
    lanes.reduce((sum, lane) => sum + lane.missed, 0),
  ];
  return [
    {
      what: `a day of paces, changes a minute of ${backups} backups`,
      goal: `at most ${MOST_CHANGES}`,
      measured: `${most}`,
      met: most <= MOST_CHANGES,
    },
    {
      what: 'a day of paces, feasible deadlines that were missed',
      goal: 'none',
      measured: `${missed} of ${feasible}`,
      met: missed === 0 && feasible > 0,
    },
  ];
}

export function dayPart({ at, values }: Measured<DayResult>): string[] {
  const { lanes, decisions, rounds, seed } = values;
  return [
    '## A day of paces',
    `${at.slice(0, 10)}. ${decisions} decisions of the policy, a sample every 2 s, over a day composed of ${rounds} recorded rounds of samplers ` +
      `(seed ${seed}; office hours, a job at 02:00; the CPU stretched to 75 % at the busiest). A backup at full pace takes a quarter of the ` +
      'CPU and slows queries. Feasible: ' +
      `at most ${percent(FEASIBLE_SHARE)} of the bytes that could be read if each minute the fastest pace were taken that breaks no limit in ` +
      'it; half of the backups with a deadline have just that many. Slowed: time of the middle backup to that at full pace.',
    table(
      [
        'rules', 'backups', 'slowed', 'time paused', 'changes an hour', 'changes a minute, most', 'feasible deadlines', 'missed',
        'missed without a warning',
      ], // prettier-ignore
      lanes.map((lane) => [
        lane.rules,
        `${lane.backups}`,
        ratio(lane.timesUngoverned),
        percent(lane.pausedShare),
        lane.changesAnHour.toFixed(1),
        `${lane.mostChangesAMinute}`,
        `${lane.feasible}`,
        `${lane.missed}`,
        `${lane.unwarned}`,
      ]),
    ),
  ];
}
