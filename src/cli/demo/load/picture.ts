/** The demo under load as a chart: how fast the backup may read and reads, and how long the users wait. Pure. */
import type { ChartMark, TimeChart } from '../../chart/model';
import { pausesOf, p95Over, type LoadSeen, type PaceStep } from './facts';

export interface PictureFacts extends LoadSeen {
  /** Bytes that were read from the source so far, by time; in order. */
  readonly read: readonly { readonly at: number; readonly bytes: number }[];
}

const MB = 1e6;
const AROUND_MS = 3_000;

export function loadPicture(facts: PictureFacts): TimeChart {
  const { dump, load, steps, visits, generator, clients } = facts;
  const from = dump.from - AROUND_MS;
  const { to } = dump;
  return {
    title: 'A backup gives way to the people who use the database',
    subtitle: `${generator}, ${clients} clients, in the middle of a backup; the load watch measured and decided once a second`,
    from,
    to,
    zero: dump.from,
    panels: [
      {
        title: 'Pace of the backup',
        unit: 'MB/s',
        series: [
          { name: 'pace allowed, MB/s', kind: 'step', tone: 'pace', points: paceLine(steps, dump) },
          { name: 'read from the source, MB/s', kind: 'area', tone: 'read', points: readRates(facts) },
        ],
        gaps: pausesOf(steps, to).map((pause) => ({ ...pause, label: 'paused' })),
      },
      {
        title: 'What the users wait for',
        unit: 'p95, ms',
        series: [
          { name: 'p95 of the visits, ms', kind: 'line', tone: 'latency', points: p95Over(visits, { from, to }) },
        ],
      },
    ],
    spans: [{ ...load, label: `load: ${clients} clients` }],
    marks: paceMarks(facts),
  };
}

/** Begins with the dump: before it there is nothing to pace. */
function paceLine(steps: readonly PaceStep[], { from, to }: LoadSeen['dump']) {
  const first = steps.findLast(({ at }) => at <= from) ?? steps[0];
  const line = steps
    .filter(({ at }) => at > from && at < to)
    .map(({ at, bytesPerSecond }) => ({ at, value: bytesPerSecond / MB }));
  return first === undefined ? line : [{ at: from, value: first.bytesPerSecond / MB }, ...line];
}

const RATE_WINDOW_MS = 1_500;

/** Per second, over the last second and a half: reports of a run come in steps. */
function readRates({ read, dump }: PictureFacts) {
  return read
    .filter(({ at }) => at >= dump.from && at <= dump.to)
    .flatMap(({ at, bytes }) => {
      const before = read.findLast((one) => one.at <= at - RATE_WINDOW_MS);
      return before === undefined
        ? []
        : [{ at, value: Math.max(0, (bytes - before.bytes) / ((at - before.at) / 1_000) / MB) }];
    });
}

/** All that happened, in order of time. */
export function paceMarks({ steps, load, dump }: Pick<LoadSeen, 'steps' | 'load' | 'dump'>): readonly ChartMark[] {
  const changes = steps
    .map((step, index): ChartMark | null => {
      const before = steps[index - 1];
      if (before === undefined || step.at > dump.to) return null;
      const slower = step.bytesPerSecond < before.bytesPerSecond;
      return { at: step.at, label: paceText(step, slower), tone: slower ? 'slower' : 'faster' };
    })
    .filter((mark) => mark !== null);
  const events: readonly ChartMark[] = [
    { at: load.from, label: 'load begins', tone: 'event' },
    { at: load.to, label: 'load ends', tone: 'event' },
  ];
  return [...events.filter(({ at }) => at <= dump.to), ...changes].toSorted((a, b) => a.at - b.at);
}

/** `paused`, `throttled to 1.7 MB/s`, `released to 3.4 MB/s`, `full pace`. */
export function paceText({ pace, bytesPerSecond }: Pick<PaceStep, 'pace' | 'bytesPerSecond'>, slower: boolean): string {
  if (pace === 'paused') return 'paused';
  if (pace === 'full') return 'full pace';
  return `${slower ? 'throttled' : 'released'} to ${Number((bytesPerSecond / MB).toPrecision(2))} MB/s`;
}
