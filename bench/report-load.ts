/** What was measured of load, pace and their cost, in words and against its goals. */
import { stringify } from 'yaml';
import { dayGoals, dayPart } from './report-day';
import { IDLE_LANES, IDLE_LOAD } from './idle-governed';
import { LANES, p95Ratios, type ImpactLane, type ImpactResult } from './impact';
import { median, medianMs, type LaneResult } from './measure';
import { percentile } from './pgbench';
import type { Goal } from './report';
import type { Measured, Results } from './results';
import type { SamplingResult } from './sampling';
import type { Standstill } from './standstill';
import type { Steered } from './steer';
import { millis, percent, ratio, seconds, table } from './words';

type Intro = (about: Omit<Measured<unknown>, 'values'>) => string;

export function loadGoals({ sampling, impact, impactApart, steer, idleGoverned, day }: Results): Goal[] {
  const found: Goal[] = [];
  if (sampling) {
    const { workerCpuShare, serverCpuShare, around } = sampling.values;
    const cpu = workerCpuShare + serverCpuShare;
    found.push({
      what: 'sampling, of one core, worker and server together',
      goal: `at most ${percent(0.01)}`,
      measured: percent(cpu),
      met: cpu <= 0.01,
    });
    // Met only where chance alone does not make it so.
    const most = around.lost + 2 * around.error;
    found.push({
      what: 'sampling, transactions lost',
      goal: `at most ${percent(0.01)}`,
      measured: `${percent(around.lost)} ± ${percent(2 * around.error)}`,
      met: most <= 0.01,
    });
  }
  if (impact) found.push(...impactGoals(impact.values, ''));
  if (impactApart) found.push(...impactGoals(impactApart.values, ', the server on a CPU of its own'));
  if (steer)
    for (const { name, governorMs, readsMs } of steer.values) {
      const all = [governorMs, readsMs].filter((times) => times.length > 0);
      const p99 = Math.max(...all.map((times) => share(times, 0.99)));
      found.push({
        what: `signal to effect, p99 of ${governorMs.length} signals, ${name}`,
        goal: 'under 1 s',
        measured: millis(p99),
        met: p99 < 1_000,
      });
    }
  if (idleGoverned) {
    const slower = idleSlower(idleGoverned.values);
    found.push({
      what: 'a governed backup of a server at rest, to one that is not governed',
      goal: `at most ${ratio(1.03)}`,
      measured: ratio(slower),
      met: slower <= 1.03,
    });
  }
  return day ? [...found, ...dayGoals(day.values)] : found;
}

function impactGoals({ lanes, longestMs, standstill }: ImpactResult, where: string): Goal[] {
  const governed = laneOf(lanes, LANES.governed);
  const others = [laneOf(lanes, LANES.free), laneOf(lanes, LANES.dump)];
  const chance = lanes.filter(({ name }) => name === LANES.nothing);
  const of = (lane: ImpactLane) => median(p95Ratios(lane));
  const share = Math.min(...governed.runs.map((run) => run.share));
  return [
    {
      what: `p95 of the application under a governed backup, to that without one${where}`,
      goal: `at most ${ratio(1.05)}, and less than under the others`,
      measured: `${ratio(of(governed))}; ${[...others, ...chance].map((lane) => `${lane.name} ${ratio(of(lane))}`).join(', ')}`,
      met: of(governed) <= 1.05 && others.every((lane) => of(lane) > of(governed)),
    },
    ...(standstill ? [standstillGoal(standstill)] : []),
    {
      what: `the governed backup ends${where}`,
      goal: `within ${longestMs / 1_000} s`,
      measured: share < 1 ? `${percent(share)} read by then, at the least` : seconds(longest(governed)),
      met: share === 1,
    },
  ];
}

function standstillGoal(standstill: Standstill): Goal {
  return {
    what: 'the same in the middle of a backup, next to seconds in which it stands still',
    goal: `at most ${ratio(1.05)}`,
    measured: `${ratio(standstill.ratio)} (${spread(standstill)}), ${standstill.pairs} pairs`,
    // Met only where chance alone does not make it so.
    met: bound(standstill, 2) <= 1.05,
  };
}

const bound = ({ ratio: times, error }: Standstill, errors: number): number => times * Math.exp(errors * error);

/** Two standard errors to each side. */
const spread = (standstill: Standstill): string => `${ratio(bound(standstill, -2))} to ${ratio(bound(standstill, 2))}`;

export function loadParts(
  { sampling, impact, impactApart, steer, idleGoverned, day }: Results,
  intro: Intro,
): string[] {
  const parts: string[] = [];
  if (sampling) parts.push(...samplingPart(sampling, intro));
  if (impact) parts.push(...impactPart(impact, SHARED, intro));
  if (impactApart) parts.push(...impactPart(impactApart, APART, intro));
  if (steer) parts.push(...steerPart(steer, intro));
  if (idleGoverned) parts.push(...idlePart(idleGoverned, intro));
  if (day) parts.push(...dayPart(day));
  return parts;
}

function samplingPart({ values, ...about }: Measured<SamplingResult>, intro: Intro): string[] {
  const { around, nothing, roundMs } = values;
  const lost = ({ lost: value, error }: typeof around) => `${percent(value)} ± ${percent(2 * error)}`;
  return [
    '## Sampling',
    `${intro(about)} pgbench’s reads (-S) at full speed on the same cores, with the default samplers of PostgreSQL and host every 2 s: ` +
      `${values.rounds} samples of ${values.signals} signals. Lost: the rate in the quarter of a second from each sample on, against the ` +
      'rest of the same two seconds; ± two standard errors.',
    table(
      ['what', 'measured'],
      [
        ['transactions per second, sampled', values.perSecond.toFixed(0)],
        [`transactions lost, ${around.cycles} samples`, lost(around)],
        ['the same around moments without a sample', lost(nothing)],
        ['CPU of the sampling process, of one core', percent(values.workerCpuShare)],
        ['CPU of its backend, of one core', percent(values.serverCpuShare)],
        ['one sample, middle', millis(median(roundMs))],
        ['one sample, slowest', millis(Math.max(...roundMs))],
      ],
    ),
  ];
}

const SHARED = {
  title: '## What the application feels',
  where: 'All on the same cores: database, pgbench, worker, Temporal, store, catalogue.',
};
const GIVE_WAY =
  ' Workers that give way, and Temporal, the store and the catalogue, which have machines of their own elsewhere, are in a control group that ' +
  'computes only while nothing else wants to (`CPUWeight=idle` of a systemd unit).';
const NOT_ON_DISK = ' The files of those three are in memory: the disk is the database’s and the worker’s.';
const APART = {
  title: '## What the application feels, the server on a CPU of its own',
  where:
    'The server has the first CPU alone; worker, Temporal, store and pg_dump have the other, and pgbench there before all of them. All files ' +
    'are in memory, so that no disk is shared: as where the worker and the stores are on other machines.',
};

function impactPart(
  { values, ...about }: Measured<ImpactResult>,
  { title, where }: typeof SHARED,
  intro: Intro,
): string[] {
  const { alone, aloneP95, lanes, capacity, asked, script, idleGroup, inMemory, governed, longestMs, standstill } =
    values;
  const row = (name: string, p95: string, spread: string, p50: string, p99: string, rate: string, rest: string[]) => [
    name, rate, p50, p95, spread, p99, ...rest,
  ]; // prettier-ignore
  const middle = (lane: ImpactLane, of: 'p50' | 'p95' | 'p99' | 'perSecond') =>
    median(lane.runs.map(({ felt }) => felt[of]));
  return [
    title,
    `${intro(about)} One pgbench (${script}, 8 clients, prepared) runs through all of it at half of what it reached at full speed: ` +
      `${asked} of ${Math.round(capacity)} transactions per second, latencies from the time at which each was due. ` +
      `${where}${idleGroup ? GIVE_WAY : ''}${inMemory ? NOT_ON_DISK : ''} To alone: the p95 of each run to that of the quiet times just before and after it; middle of the runs, and least to most. A governed backup is cancelled after ${longestMs / 1_000} s. Its configuration:`,
    `\`\`\`yaml\n${stringify(governed).trim()}\n\`\`\``,
    table(
      [
        'lane',
        'transactions per second',
        'p50',
        'p95',
        'p95 to alone',
        'p99',
        'time of the backup',
        'done',
        'changes of pace',
      ],
      [
        row(
          'alone', millis(alone.p95), `${ratio(Math.min(...aloneP95) / alone.p95)} to ${ratio(Math.max(...aloneP95) / alone.p95)}`,
          millis(alone.p50), millis(alone.p99), alone.perSecond.toFixed(0), ['', '', ''],
        ), // prettier-ignore
        ...lanes.map((lane) => {
          const ratios = p95Ratios(lane);
          const times = lane.runs.map(({ ms }) => ms);
          return row(
            lane.name,
            millis(middle(lane, 'p95')),
            `${ratio(median(ratios))} (${ratio(Math.min(...ratios))} to ${ratio(Math.max(...ratios))})`,
            millis(middle(lane, 'p50')),
            millis(middle(lane, 'p99')),
            middle(lane, 'perSecond').toFixed(0),
            lane.name === LANES.nothing
              ? ['', '', '']
              : [
                  `${seconds(median(times))} (${seconds(Math.min(...times))} to ${seconds(Math.max(...times))})`,
                  lane.runs.map((run) => `${Math.floor(run.share * 100)} %`).join(', '),
                  lane.runs.map((run) => String(run.paces.length)).join(', '),
                ],
          );
        }),
      ],
    ),
    ...(standstill ? standstillPart(standstill) : []),
  ];
}

function standstillPart(standstill: Standstill): string[] {
  const { going, still, pairs } = standstill;
  return [
    'The times of a lane and the quiet ones are minutes apart, and the machine is not the same in both: a lane without a backup tells how much. So one more governed ' +
      `backup was stopped and let go on (SIGSTOP, SIGCONT of the worker, Temporal, the store and the catalogue) every 4 s, from its tenth second on: ${pairs} pairs. ` +
      `The p95 of going to that of standing, geometric mean of the pairs: ${ratio(standstill.ratio)}, two standard errors to each side ${spread(standstill)}.`,
    table(
      ['seconds', 'transactions per second', 'p50', 'p95', 'p99'],
      (
        [
          ['going', going],
          ['standing', still],
        ] as const
      ).map(([name, felt]) => [name, felt.perSecond.toFixed(0), millis(felt.p50), millis(felt.p95), millis(felt.p99)]),
    ),
  ];
}

function steerPart({ values, ...about }: Measured<readonly Steered[]>, intro: Intro): string[] {
  const rows = values.flatMap(({ name, governorMs, readsMs }) => [
    [name, 'taken by the governor', ...times(governorMs)],
    ...(readsMs.length > 0 ? [[name, 'seen at the worker’s reads', ...times(readsMs)]] : []),
  ]);
  return [
    '## From a signal to its effect',
    `${intro(about)} Pauses and resumes of a running dump by the client, from just before each is sent. The governor’s time is the one it ` +
      'took the pace at; the reads are the kernel’s count for the worker’s process, looked at every 5 ms: the last after a pause, the ' +
      'first after a resume. One machine, one clock.',
    table(['dumps', 'what', 'signals', 'p50', 'p99', 'slowest'], rows),
  ];
}

function idlePart({ values, ...about }: Measured<readonly LaneResult[]>, intro: Intro): string[] {
  return [
    '## Governed on a server at rest',
    `${intro(about)} The dump activity of full backups by one worker, in turns, with and without the load watch: ` +
      `\`load: ${JSON.stringify(IDLE_LOAD)}\`. Limits on CPU and I/O are off: they would keep a backup from using a machine that nobody ` +
      'else uses. Slower: the middle of all pairs of neighbours.',
    table(
      ['lane', 'median', 'fastest', 'slowest'],
      values.map((lane) => {
        const all = lane.samples.map(({ ms }) => ms);
        return [lane.name, seconds(medianMs(lane)), seconds(Math.min(...all)), seconds(Math.max(...all))];
      }),
    ),
    `Governed to not governed: ${ratio(idleSlower(values))}.`,
  ];
}

/** The middle of the pairs that ran one after the other. */
function idleSlower(lanes: readonly LaneResult[]): number {
  const [free, governed] = [laneOf(lanes, IDLE_LANES.free), laneOf(lanes, IDLE_LANES.governed)];
  return median(governed.samples.map(({ ms }, index) => ms / free.samples[index]!.ms));
}

function laneOf<Lane extends { readonly name: string }>(lanes: readonly Lane[], name: string): Lane {
  const found = lanes.find((lane) => lane.name === name);
  if (!found) throw new Error(`no lane is named ${name}`);
  return found;
}

const share = (values: readonly number[], part: number) =>
  percentile(
    [...values].sort((a, b) => a - b),
    part,
  );
const longest = ({ runs }: ImpactLane) => Math.max(...runs.map(({ ms }) => ms));
const times = (values: readonly number[]): string[] => [
  String(values.length),
  millis(share(values, 0.5)),
  millis(share(values, 0.99)),
  millis(Math.max(...values)),
];
