/**
 * Which backups stay, and why. A pure decision: the same answer whatever the order of its input, and for the same backups
 * again after it was carried out.
 *
 * Three things make it safe against a wrong clock. Rules count backups and calendar periods that have backups, never
 * periods before `now`. `within` is measured from the newest backup. And where `now` lies before a backup, nothing goes.
 */
import { periodNamer, type Period } from './calendar';

export interface RetentionBackup {
  readonly backupId: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly startedAt: Date;
  /** Copies that are proved at this moment. */
  readonly provedCopies: number;
  /** Its copies meet the copy policy at this moment. @default false, as where there is no policy */
  readonly compliant?: boolean;
  readonly tombstonedAt: Date | null;
  readonly deletedAt: Date | null;
}

export interface RetentionHold {
  readonly backupId: string;
  readonly holder: string;
  readonly reason: string;
}

export interface RetentionPolicy {
  readonly last: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  /** Milliseconds, measured from the newest backup. */
  readonly within?: number;
  /** Proved backups that always remain; below 1 counts as 1. */
  readonly minProved: number;
  readonly timezone?: string;
}

export interface RetentionInput {
  /** Of one database. */
  readonly backups: readonly RetentionBackup[];
  readonly policy: RetentionPolicy;
  /** Active ones. */
  readonly holds: readonly RetentionHold[];
  readonly now: Date;
  /** IANA name. @default the policy's, else UTC */
  readonly timezone?: string;
}

export interface RetentionDecision {
  readonly backupId: string;
  readonly keep: boolean;
  /** Never empty: every rule that keeps it, or why none does. */
  readonly reasons: readonly string[];
}

export interface RetentionPlan {
  /** Newest first, one for each backup. */
  readonly decisions: readonly RetentionDecision[];
  /** Set when nothing may be deleted now, tombstoned backups included; says why. */
  readonly refused: string | null;
}

/** Decides for every backup of one database. */
export function planRetention(input: RetentionInput): RetentionPlan {
  const backups = [...input.backups].sort(newestFirst);
  const existing = backups.filter((backup) => backup.deletedAt === null);
  const refused = clockFault(existing, input.now);
  const reasons = new Map<string, string[]>(backups.map(({ backupId }) => [backupId, []]));
  const keep = (backup: RetentionBackup, reason: string) => void reasons.get(backup.backupId)?.push(reason);

  const counted = existing.filter((backup) => backup.status === 'completed' && backup.tombstonedAt === null);
  for (const backup of existing) {
    if (refused !== null) keep(backup, refused);
    if (backup.status === 'running') keep(backup, 'is running');
    if (backup.status === 'failed')
      keep(backup, 'failed: no backup is stored under its name, the sweep frees what it left');
    for (const hold of input.holds) {
      if (hold.backupId === backup.backupId) keep(backup, `held by ${hold.holder}: ${hold.reason}`);
    }
  }
  keepFloor(existing, counted, input.policy, keep);
  keepByRules(counted, input, keep);

  return {
    refused,
    decisions: backups.map((backup) => {
      const found = backup.deletedAt === null ? reasons.get(backup.backupId)! : [];
      if (found.length > 0) return { backupId: backup.backupId, keep: true, reasons: found };
      const why =
        backup.deletedAt !== null ? 'is deleted' : backup.tombstonedAt !== null ? 'is tombstoned' : 'no rule keeps it';
      return { backupId: backup.backupId, keep: false, reasons: [why] };
    }),
  };
}

type Keep = (backup: RetentionBackup, reason: string) => void;

function newestFirst(a: RetentionBackup, b: RetentionBackup): number {
  const time = ({ startedAt }: RetentionBackup) => (hasTime({ startedAt }) ? startedAt.getTime() : 0);
  return time(b) - time(a) || (a.backupId < b.backupId ? 1 : -1);
}

/** A backup that began in the future, or at no readable time, says that a clock is or was wrong. */
function clockFault(existing: readonly RetentionBackup[], now: Date): string | null {
  const odd = existing.find(({ startedAt }) => !(startedAt.getTime() <= now.getTime()));
  if (!odd) return null;
  return `nothing is deleted while the clock is in doubt: backup ${odd.backupId} began after now (${stamp(now)})`;
}

/** What remains whatever the rules say. */
function keepFloor(
  existing: readonly RetentionBackup[],
  counted: readonly RetentionBackup[],
  policy: RetentionPolicy,
  keep: Keep,
): void {
  const floor = Math.max(1, policy.minProved);
  const proved = counted.filter((backup) => backup.provedCopies > 0);
  // Where too few are left, those that were to go are kept after all.
  const condemned = existing.filter(
    (backup) => backup.status === 'completed' && backup.tombstonedAt !== null && backup.provedCopies > 0,
  );
  for (const backup of [...proved, ...condemned].slice(0, floor))
    keep(backup, `one of the last ${floor} proved (minimum)`);
  if (proved.length < floor) {
    for (const backup of counted) keep(backup, `fewer than ${floor} proved: nothing else is deleted before there are`);
  }
  const marked = existing.filter((backup) => backup.status === 'completed' && backup.tombstonedAt !== null);
  const compliant = [...counted, ...marked].find((backup) => backup.compliant);
  if (compliant) keep(compliant, 'the newest backup that meets the copy policy');
  if (counted[0]) keep(counted[0], 'the newest backup');
}

function keepByRules(counted: readonly RetentionBackup[], input: RetentionInput, keep: Keep): void {
  const { policy } = input;
  const proved = counted.filter((backup) => backup.provedCopies > 0);

  // Counted twice, over proved ones and over all: unproved backups, however many, take no proved one's place.
  const last = new Set([...counted.slice(0, policy.last), ...proved.slice(0, policy.last)]);
  for (const backup of counted) if (last.has(backup)) keep(backup, `one of the last ${policy.last}`);

  const nameOf = periodNamer(input.timezone ?? policy.timezone ?? 'UTC');
  const periods = new Map(counted.filter(hasTime).map((backup) => [backup, nameOf(backup.startedAt)]));
  const rules: readonly (readonly [string, Period, number])[] = [
    ['hourly', 'hour', policy.hourly],
    ['daily', 'day', policy.daily],
    ['weekly', 'week', policy.weekly],
    ['monthly', 'month', policy.monthly],
    ['yearly', 'year', policy.yearly],
  ];
  for (const [rule, period, count] of rules) {
    const newestOfEach = (backups: readonly RetentionBackup[]) => {
      const newest = new Map<string, RetentionBackup>();
      for (const backup of backups) {
        const name = periods.get(backup)?.[period];
        if (name !== undefined && !newest.has(name)) newest.set(name, backup);
      }
      return newest;
    };
    const ofProved = newestOfEach(proved);
    const ofAll = newestOfEach(counted);
    for (const [name, backup] of [...ofProved].slice(0, count)) keep(backup, `${rule}: newest proved of ${name}`);
    for (const [name, backup] of [...ofAll].slice(0, count)) {
      if (!ofProved.has(name)) keep(backup, `${rule}: newest of ${name}, not proved`);
    }
  }

  const { within } = policy;
  if (within === undefined) return;
  const start = withinStart(counted, within);
  for (const backup of counted) {
    if (backup.startedAt.getTime() >= start) keep(backup, `within ${duration(within)} of the newest backup`);
  }
}

/**
 * Measured from the newest backup; from the one before it where those two lie further apart than `within`, since a
 * single backup taken by a wrong clock, or the first after a long silence, must not empty a repository.
 */
function withinStart(counted: readonly RetentionBackup[], within: number): number {
  const [newest, next] = counted.map(({ startedAt }) => startedAt.getTime());
  if (newest === undefined) return Number.POSITIVE_INFINITY;
  return (next !== undefined && newest - next > within ? next : newest) - within;
}

function hasTime({ startedAt }: Pick<RetentionBackup, 'startedAt'>): boolean {
  return !Number.isNaN(startedAt.getTime());
}

function stamp(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'not a time' : date.toISOString();
}

function duration(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms / 1000}s`;
}
