/** How long a policy can be expected to keep a backup: the retention decision itself, asked over the backups to come. */
import { planRetention, type RetentionBackup, type RetentionPolicy } from './retention';
import { DAY_MS } from './time';

/** Yearly rules may keep a backup for ever: this far is looked ahead. */
const HORIZON_MS = 5 * 365 * DAY_MS;
/** Bounds the work where backups are frequent. */
const MOST_BACKUPS = 4_000;

export interface RetentionOutlook {
  readonly startedAt: Date;
  /** Between two backups of this database. Milliseconds. */
  readonly intervalMs: number;
  readonly policy: RetentionPolicy;
}

/** Milliseconds from its start to when no rule keeps it any more, its grace included; at most five years. */
export function expectedRetention(outlook: RetentionOutlook, graceMs: number): number {
  const { startedAt, policy } = outlook;
  const intervalMs = Math.max(60_000, outlook.intervalMs);
  const most = Math.min(MOST_BACKUPS, Math.floor(HORIZON_MS / intervalMs));
  const backup = (count: number): RetentionBackup => ({
    backupId: `after-${String(count).padStart(6, '0')}`,
    status: 'completed',
    startedAt: new Date(startedAt.getTime() + count * intervalMs),
    provedCopies: 1,
    tombstonedAt: null,
    deletedAt: null,
  });
  const backups = Array.from({ length: most + 1 }, (_, count) => backup(count));
  const keptAfter = (count: number): boolean => {
    const { decisions } = planRetention({
      backups: backups.slice(0, count + 1),
      policy,
      holds: [],
      now: backups[count]!.startedAt,
    });
    return decisions.find(({ backupId }) => backupId === backups[0]!.backupId)?.keep ?? false;
  };
  if (keptAfter(most)) return most * intervalMs + graceMs;
  // What was dropped once stays dropped while backups only come on top: so it can be halved.
  let [kept, gone] = [0, most];
  while (gone - kept > 1) {
    const middle = Math.floor((kept + gone) / 2);
    if (keptAfter(middle)) kept = middle;
    else gone = middle;
  }
  return gone * intervalMs + graceMs;
}
