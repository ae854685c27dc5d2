import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldfastClient } from '../../client/types';
import type { BackupResult, RequestResult } from '../../domain/runs';
import { demoError } from '../../errors/demo';
import { replicateId } from '../../workflows/ids';
import { formatBytes, formatCount, formatDuration } from '../output/format';
import { compareAfter, type SourceDatabase } from './source-database';
import { DEMO_DATABASE, DEMO_STORES, FULL_SCHEDULE } from './config-text';
import { followBackup, followRestore, type FollowOptions } from './follow';
import type { Holdfast } from './environment';
import type { DemoLoad } from './load/facts';
import { Outage } from './outage';
import { PauseOnce } from './pause-once';
import { demoBackup, faultsOf, type DemoBackup, type DemoResult } from './result';
import type { StoreServers } from './store-servers';
import { storesWell } from './stores-well';

export interface StoryOptions extends FollowOptions {
  readonly say: (line: string) => void;
  readonly heading: (line: string) => void;
  readonly source: SourceDatabase;
  readonly megabytes: number;
  readonly catalog: Holdfast['catalog'];
  readonly config: Holdfast['config'];
  /** The servers to take one down of; null: none goes down. */
  readonly outage: StoreServers | null;
}

/** Goes down in an outage. */
const LOST: keyof StoreServers = 's3';

/** Filled in while the story is told, so that a failure still reports what was reached. */
export interface StoryRecord {
  backups: DemoBackup[];
  restore: DemoResult['restore'];
  pause: DemoResult['pause'];
  outage: Outage | null;
  load: DemoLoad | null;
  /** Web UI pages worth opening. */
  links: { readonly what: string; readonly url: string }[];
}

/** Full backup by schedule with a pause, changes, incremental, loss, restore, comparison. Throws when anything is not as promised. */
export async function tellStory(options: StoryOptions, record: StoryRecord): Promise<void> {
  const { client, heading, say, source, view } = options;

  heading('Apply the schedules and trigger the full backup');
  for (const change of await client.applySchedules()) say(`${change.action} ${change.scheduleId}`);
  const { outage: servers, signal } = options;
  const outage = servers
    ? new Outage({ ...options, database: DEMO_DATABASE, stores: DEMO_STORES, store: LOST, server: servers[LOST] })
    : null;
  record.outage = outage;
  const steer = new PauseOnce({
    client,
    database: DEMO_DATABASE,
    // Slower where more is to happen in the middle of the dump.
    slowTo: Math.max(1, Math.round(options.megabytes / (outage ? 16 : 8))) * 1_000_000,
    staySlow: outage !== null,
    say,
    signal,
  });
  const [fullRun] = await Promise.all([
    triggerSchedule(client, `${DEMO_DATABASE}/${FULL_SCHEDULE}`, signal),
    steer.slow(),
  ]);
  linkTo(options, record, 'the full backup', fullRun);
  const full = await followBackup(options, DEMO_DATABASE, client.requestResult(fullRun), async (progress) => {
    await steer.see(progress);
    if (steer.result) await outage?.see(progress);
  });
  view.stop();
  record.pause = steer.result;
  if (outage) await keepDespite(outage, options, record, full);
  else keepBackup(options, record, full);
  if (!record.pause) throw demoError('DEMO_PAUSE_FAILED', 'the dump was over before it could be paused');

  heading('A day of business, then an incremental backup');
  for (const what of await source.change()) say(what);
  const { workflowId } = await client.requestBackup({
    database: DEMO_DATABASE,
    type: 'incremental',
    overlap: 'wait',
    requestedBy: 'demo',
  });
  linkTo(options, record, 'the incremental backup', workflowId);
  const incremental = keepBackup(
    options,
    record,
    await followBackup(options, DEMO_DATABASE, client.requestResult(workflowId)),
  );
  view.stop();

  heading('Lose the database, and restore it');
  await loseAndRestore(options, record, incremental.backupId);
}

/** Drops the database, restores it from that backup, and compares it with what it was. */
export async function loseAndRestore(options: StoryOptions, record: StoryRecord, backupId: string): Promise<void> {
  const { say, source } = options;
  const before = await source.fingerprint();
  await source.drop();
  say(`the database ${DEMO_DATABASE} is gone`);
  await restore(options, record, backupId);
  const { equal, differences } = await compareAfter(source, before);
  record.restore = { ...record.restore!, equal };
  if (!equal) throw demoError('DEMO_NOT_EQUAL', `the restored database differs: ${differences.slice(0, 5).join(', ')}`);
  say('equal: the text of pg_dump and every table’s checksum are what they were before the loss');
}

async function restore(options: StoryOptions, record: StoryRecord, backupId: string): Promise<void> {
  const { client, say, view } = options;
  const { workflowId } = await client.startRestore({
    backupId,
    database: DEMO_DATABASE,
    store: null,
    to: { database: DEMO_DATABASE },
    as: null,
    schemas: [],
    tables: [],
    owners: 'keep',
    acls: 'keep',
    globals: 'none',
    jobs: 2,
    replace: false,
    requestedBy: 'demo',
  });
  linkTo(options, record, 'the restore', workflowId);
  const result = await followRestore(options, workflowId, client.restoreResult(workflowId));
  view.stop();
  record.restore = { rows: result.rows, equal: false, durationMs: result.durationMs };
  say(`restored ${formatCount(result.rows)} rows from ${result.store} in ${formatDuration(result.durationMs)}`);
}

/** Notes the backup of a run that had to end without one store, and sees it made whole. */
async function keepDespite(outage: Outage, options: StoryOptions, record: StoryRecord, request: RequestResult) {
  const { say, heading, catalog, config, signal } = options;
  const backup = note(options, record, request);
  const run = await outage.endedWithout(backup);
  heading(`Bring ${LOST} back`);
  linkTo(options, record, `the run that fills ${LOST}`, replicateId(DEMO_DATABASE, backup.backupId, LOST));
  record.backups[record.backups.length - 1] = await outage.mend(backup);
  // The next backup leaves out a store whose breaker is still open.
  if (!(await storesWell({ catalog, config, signal }))) say('the watch of the stores is not content yet');
  heading('The outage, as it went');
  for (const line of await outage.timeline(backup, run)) say(line);
}

function note({ say }: StoryOptions, record: StoryRecord, { backup, reason }: RequestResult): BackupResult {
  if (!backup) throw demoError('DEMO_BACKUP_FAILED', `the backup did not run: ${reason}`);
  record.backups.push(demoBackup(backup));
  const share = backup.sealedBytes === 0 ? 0 : Math.round((100 * backup.uploadedBytes) / backup.sealedBytes);
  say(`${backup.backupId}: ${formatCount(backup.rows)} rows, ${formatBytes(backup.plainBytes)} read, ${formatBytes(backup.uploadedBytes)} sent (${share} %)`); // prettier-ignore
  return backup;
}

/** Notes a finished backup and refuses one that is not proved on every copy. */
export function keepBackup(options: StoryOptions, record: StoryRecord, request: RequestResult): BackupResult {
  const backup = note(options, record, request);
  const faults = faultsOf(backup, DEMO_STORES);
  if (faults.length > 0)
    throw demoError('DEMO_BACKUP_FAILED', faults.join('; '), { context: { backup: backup.backupId } });
  options.say(`proved exact at ${listed(DEMO_STORES)}, in ${formatDuration(backup.durationMs)} altogether`);
  return backup;
}

/** Triggers a schedule as an operator would, and finds the run that it started. */
async function triggerSchedule(client: HoldfastClient, scheduleId: string, signal: AbortSignal): Promise<string> {
  await client.triggerSchedule(scheduleId);
  const deadline = Date.now() + 30_000;
  for (;;) {
    const view = (await client.schedules()).find((schedule) => schedule.scheduleId === scheduleId);
    const run = view?.lastRuns.at(-1) ?? view?.lastRuns[0];
    if (run) return run.workflowId;
    if (Date.now() > deadline)
      throw demoError('DEMO_BACKUP_FAILED', 'the schedule started nothing', { context: { schedule: scheduleId } });
    await sleep(100, undefined, { signal });
  }
}

export function linkTo({ client, say }: StoryOptions, record: StoryRecord, what: string, workflowId: string): void {
  const url = client.webUiUrl(workflowId);
  if (!url) return;
  record.links.push({ what, url });
  say(`watch it: ${url}`);
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
