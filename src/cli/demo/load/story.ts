/** The demo with --load: a backup at full pace, a rush of users in its middle, and the pace that follows. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { demoError } from '../../../errors/demo';
import { loadWatchId } from '../../../workflows/ids';
import { svgChart } from '../../chart/svg';
import { terminalChart } from '../../chart/terminal';
import { timeLabel } from '../../chart/scale';
import { visibleMarks, type TimeChart } from '../../chart/model';
import { formatDuration } from '../../output/format';
import { DEMO_DATABASE } from '../config-text';
import { followBackup } from '../follow';
import { keepBackup, linkTo, loseAndRestore, type StoryOptions, type StoryRecord } from '../story';
import { loadFaults, type DemoLoad } from './facts';
import { loadPicture, type PictureFacts } from './picture';
import { Rush } from './rush';
import type { TrafficSource } from './traffic';

export interface LoadStoryOptions extends StoryOptions {
  readonly traffic: TrafficSource;
  /** Bytes a second of a backup that nothing slows. */
  readonly fullRate: number;
  /** The demo's. */
  readonly folder: string;
  /** Of the terminal, in characters. */
  readonly width: number;
}

/** Beside the demo's configuration. */
const CHART_FILE = 'load.svg';
/** So many at each processor that whoever asks has to wait, and fewer than the server has connections for. */
const CLIENTS_PER_PROCESSOR = 10;
const MOST_CLIENTS = 160;
const WIDEST = 110;

/** Throws when anything is not as promised. */
export async function tellLoadStory(options: LoadStoryOptions, record: StoryRecord): Promise<void> {
  const { client, heading, say, source, view, catalog, traffic, fullRate, signal } = options;
  heading('Apply the schedules; the load is watched');
  for (const change of await client.applySchedules()) say(`${change.action} ${change.scheduleId}`);
  linkTo(options, record, 'the load watch (its card, and what it decided)', loadWatchId(DEMO_DATABASE));

  heading('Users at work, a backup at full pace, and a rush in its middle');
  const clients = Math.min(MOST_CLIENTS, CLIENTS_PER_PROCESSOR * availableParallelism());
  const rush = new Rush({ traffic, catalog, clients, fullRate, say, signal });
  say(`users are played by ${traffic.name}`);
  await rush.open();
  const { workflowId } = await client.requestBackup({
    database: DEMO_DATABASE,
    type: 'full',
    overlap: 'wait',
    requestedBy: 'demo',
  });
  linkTo(options, record, 'the backup under load', workflowId);
  const withUsers = { ...options, view: viewWithUsers(options, rush) };
  const result = await followBackup(withUsers, DEMO_DATABASE, client.requestResult(workflowId), (progress) =>
    rush.see(progress),
  );
  view.stop();
  const backup = keepBackup(options, record, result);

  heading('The pace, and what the users felt');
  const picture = await rush.result();
  const chart = loadPicture(picture);
  const file = join(options.folder, CHART_FILE);
  writeFileSync(file, svgChart(chart));
  const load = rush.facts(file);
  record.load = load;
  for (const line of shown(chart, picture, load!, options)) say(line);
  linkTo(options, record, 'the signals with their reasons, in its history', `backup/${DEMO_DATABASE}`);
  const faults = loadFaults(load);
  if (faults.length > 0) throw demoError('DEMO_LOAD_FAILED', faults.join('; '));

  heading('Lose the database, and restore it');
  await loseAndRestore({ ...options, source }, record, backup.backupId);
}

/** The line about the users below the backup's own. */
function viewWithUsers({ view, colors }: StoryOptions, rush: Rush): StoryOptions['view'] {
  return {
    ...view,
    show(frame) {
      const users = rush.p95 === null ? null : `users p95 ${Math.round(rush.p95)} ms`;
      if (users === null) return view.show(frame);
      view.show({ ...frame, block: [...frame.block, colors.magenta(users)], line: `${frame.line} · ${users}` });
    },
  };
}

function* shown(
  chart: TimeChart,
  { steps }: PictureFacts,
  load: DemoLoad,
  { colors, width }: LoadStoryOptions,
): Generator<string> {
  yield* terminalChart(chart, { width: Math.min(WIDEST, width - 4), colors });
  yield '';
  const whyOf = new Map(steps.map(({ at, why }) => [at, why]));
  for (const [index, { at, label }] of visibleMarks(chart).entries()) {
    const why = whyOf.get(at);
    const when = timeLabel(at, chart.zero, chart.to - chart.from);
    yield `${String(index + 1).padStart(2)}  ${when.padStart(6)}  ${label}${why ? colors.dim(`: ${why}`) : ''}`;
  }
  yield '';
  const { p95Ms, reactionMs, fullAgainMs, changes, mostChangesInAMinute, pausedMs, visits } = load;
  const ms = (value: number | null) => (value === null ? '—' : `${value} ms`);
  yield `the pace was lowered ${formatDuration(reactionMs)} after the load began, and full again ${formatDuration(fullAgainMs)} after it ended`;
  yield `changes of pace: ${changes.length}, at most ${mostChangesInAMinute} within a minute; paused for ${formatDuration(pausedMs)}`;
  yield `p95 of ${visits.toLocaleString('en')} visits: ${ms(p95Ms.before)} before, ${ms(p95Ms.fullPace)} under load until the pace was lowered, ${ms(p95Ms.governed)} under load from then on, ${ms(p95Ms.after)} after`;
  yield `the chart as a drawing: ${load.chart}`;
}
