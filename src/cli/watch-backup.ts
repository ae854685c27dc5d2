import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupProgress, CopyStatus, Waiting } from '../domain/progress';
import type { Pace } from '../domain/pace';
import { bar, type Frame } from './output/progress';
import { formatBytes, formatCount, formatDuration, formatRate, formatShare } from './output/format';
import { paintState, type Palette } from './output/ui';

/** Milliseconds between two questions to the run. */
export const POLL_MS = 500;
const BAR_WIDTH = 28;

/** `paused · asked by ana`, `20 MiB/s, 1 reader · CPU 84 % > 60 %`, `full`. */
export function describePace(pace: Pace): string {
  const limits = pace.paused
    ? ['paused']
    : [
        ...(pace.maxBytesPerSecond === null ? [] : [`at most ${formatRate(pace.maxBytesPerSecond)}`]),
        ...(pace.readers === null ? [] : [`${pace.readers} ${pace.readers === 1 ? 'reader' : 'readers'}`]),
      ];
  const what = limits.length === 0 ? 'full' : limits.join(', ');
  return pace.reason === '' ? what : `${what} · ${pace.reason}`;
}

/** `disk proved exact, s3 copying`. */
export function describeCopies(copies: readonly CopyStatus[], colors: Palette): string {
  return copies
    .map((copy) => {
      const grade = copy.grade === null ? '' : ` ${copy.grade}`;
      const detail = copy.detail === null ? '' : colors.dim(` (${copy.detail})`);
      return `${copy.store} ${paintState(copy.state, colors)}${grade}${detail}`;
    })
    .join(', ');
}

/** `outside of its windows (daily 22:00–05:00, UTC), until 2026-11-21T22:00:00.000Z`. */
export const describeWaiting = ({ reason, until }: Waiting): string =>
  until === null ? reason : `${reason}, until ${until}`;

/** Share of 0..1 of the dump; null while the size is not known. */
export function dumpShare(progress: BackupProgress): number | null {
  const dump = progress.dump;
  if (dump === null || dump.plainBytesExpected === null || dump.plainBytesExpected === 0) return null;
  return Math.min(1, dump.plainBytes / dump.plainBytesExpected);
}

/** What a proof or a replication that the run waits for is doing. */
export interface SubStep {
  readonly store: string;
  readonly step: string;
  readonly done: number;
  readonly total: number;
  readonly current: string | null;
}

/** A run as it is drawn: phase, table, rows, bytes, rate, ETA, pace and why, copies; and the step of a proof. */
export function backupFrame(progress: BackupProgress, colors: Palette, sub: SubStep | null = null): Frame {
  const { dump, phase } = progress;
  const dumping = phase === 'dumping' || phase === 'admitting';
  const share = dumpShare(progress);
  const head = `${colors.bold(progress.database)} ${progress.type} ${colors.dim(progress.backupId)}`;
  const pace = `${describePace(progress.pace)}${progress.paceApplied ? '' : colors.dim(' (not confirmed yet)')}`;
  const block = [head];
  const counters: string[] = [];
  if (dump !== null) {
    const expected = dump.plainBytesExpected === null ? '' : ` of about ${formatBytes(dump.plainBytesExpected)}`;
    counters.push(`${formatCount(dump.rows)} rows`, `${formatBytes(dump.plainBytes)}${dumping ? expected : ''}`);
    if (dumping) counters.push(formatRate(dump.bytesPerSecond));
    if (dumping && dump.etaMs !== null) counters.push(`${formatDuration(dump.etaMs)} left`);
  }
  const current = dumping && dump?.current ? ` ${dump.current}` : '';
  const attempt = dump !== null && dump.attempt > 1 ? colors.yellow(` attempt ${dump.attempt}`) : '';
  block.push(`${colors.cyan(phase)}${current}${attempt}`);
  const waiting = progress.waiting ? describeWaiting(progress.waiting) : null;
  if (waiting !== null) block.push(colors.yellow(`waits: ${waiting}`));
  else if (dumping) block.push(`${bar(share, BAR_WIDTH)} ${share === null ? '' : formatShare(share)}`.trimEnd());
  const subShare = sub !== null && sub.total > 0 ? sub.done / sub.total : null;
  if (sub !== null) {
    const at = `${sub.store}: ${sub.step}${sub.current === null ? '' : ` ${sub.current}`}`;
    block.push(`${bar(subShare, BAR_WIDTH)} ${subShare === null ? '' : `${formatShare(subShare)} `}${at}`);
  }
  if (counters.length > 0) block.push(counters.join(' · '));
  if (dump !== null) {
    block.push(
      `${colors.dim('tables')} ${dump.tablesDone}/${dump.tablesTotal}  ${colors.dim('sent')} ${formatBytes(dump.uploadedBytes)}  ${colors.dim('reused')} ${formatBytes(dump.reusedBytes)}`,
    );
  }
  block.push(`${colors.dim('pace')} ${progress.pace.paused ? colors.yellow(pace) : pace}`);
  if (progress.copies.length > 0) block.push(`${colors.dim('copies')} ${describeCopies(progress.copies, colors)}`);
  if (progress.error !== null) block.push(colors.red(`${progress.error.type}: ${progress.error.message}`));
  const line = [
    `${progress.database} ${progress.type} ${phase}${current}`,
    ...(waiting !== null ? [`waits: ${waiting}`] : dumping && share !== null ? [formatShare(share)] : []),
    ...(sub === null ? [] : [`${sub.store}: ${sub.step}${subShare === null ? '' : ` ${formatShare(subShare)}`}`]),
    ...counters,
    ...(progress.pace.paused || progress.pace.maxBytesPerSecond !== null
      ? [`pace ${describePace(progress.pace)}`]
      : []),
    ...(dumping
      ? []
      : progress.copies.map((copy) => `${copy.store} ${copy.state}${copy.grade === null ? '' : ` ${copy.grade}`}`)),
  ].join(' · ');
  const copyKey = progress.copies.map((copy) => `${copy.store}${copy.state}`).join();
  return {
    block,
    line,
    key: `${phase}/${waiting ?? ''}/${progress.pace.sequence}/${dumping ? '' : copyKey}/${sub?.store ?? ''}`,
    data: progress,
  };
}

/** Sleeps unless the person interrupts; true when it was the interruption that ended it. */
export async function pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return signal.aborted;
  } catch {
    return true;
  }
}
