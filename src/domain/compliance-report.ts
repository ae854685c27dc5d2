/** How long a database met its copy policy, when it did not, and why. Pure: rows of the catalogue in, spans of time out. */
import type { MissingClause } from './compliance';

export interface ReportedBackup {
  readonly backupId: string;
  readonly completedAt: Date | null;
  readonly deletedAt: Date | null;
}
/** A change of what a backup has of the wanted copies. */
export interface ComplianceChange {
  readonly backupId: string;
  readonly at: Date;
  readonly state: string;
  readonly compliant: boolean;
  readonly missing: readonly MissingClause[];
}

export interface ComplianceSpan {
  readonly from: Date;
  readonly to: Date;
  /** null: nothing is known of this time, no backup had been made or none had been judged. */
  readonly compliant: boolean | null;
  /** The newest complete backup of that time; null where there was none. */
  readonly backupId: string | null;
  readonly state: string | null;
  readonly missing: readonly MissingClause[];
}

export interface ComplianceReport {
  /** Oldest first, without gaps. */
  readonly spans: readonly ComplianceSpan[];
  /** Of the time that is known, the part that was compliant, 0 to 1; null when nothing is known. */
  readonly share: number | null;
  readonly compliantMs: number;
  readonly knownMs: number;
  /** End of the last compliant span; `to` while it lasts; null when there was none. */
  readonly lastCompliantAt: Date | null;
}

/** A database meets its policy at a moment when its newest complete backup of that moment does. */
export function complianceReport(input: {
  /** Of one database. */
  readonly backups: readonly ReportedBackup[];
  readonly changes: readonly ComplianceChange[];
  readonly from: Date;
  readonly to: Date;
}): ComplianceReport {
  const from = input.from.getTime();
  const to = Math.max(from, input.to.getTime());
  const living: ReportedBackup[] = [];
  const judged = new Map<string, ComplianceChange>();
  let everCompleted = false;
  const events: { readonly at: number; readonly apply: () => void }[] = [];
  for (const backup of input.backups) {
    const { completedAt, deletedAt } = backup;
    if (completedAt === null) continue;
    events.push({
      at: completedAt.getTime(),
      apply: () => {
        everCompleted = true;
        living.push(backup);
      },
    });
    if (deletedAt !== null) {
      const at = Math.max(deletedAt.getTime(), completedAt.getTime());
      events.push({ at, apply: () => void living.splice(living.lastIndexOf(backup), 1) });
    }
  }
  for (const change of input.changes)
    events.push({ at: change.at.getTime(), apply: () => void judged.set(change.backupId, change) });
  // Stable: of events of one moment those that were given first come first.
  events.sort((a, b) => a.at - b.at);

  const spans: ComplianceSpan[] = [];
  const now = (): Omit<ComplianceSpan, 'from' | 'to'> => {
    const newest = living.at(-1);
    if (newest === undefined)
      return { compliant: everCompleted ? false : null, backupId: null, state: null, missing: [] };
    const { backupId } = newest;
    const change = judged.get(backupId);
    if (change === undefined) return { compliant: null, backupId, state: null, missing: [] };
    return { compliant: change.compliant, backupId, state: change.state, missing: change.missing };
  };
  let reached = from;
  const close = (at: number) => {
    if (at <= reached) return;
    const last = spans.at(-1);
    const span = { ...now(), from: new Date(reached), to: new Date(at) };
    if (last && sameState(last, span)) spans[spans.length - 1] = { ...span, from: last.from };
    else spans.push(span);
    reached = at;
  };
  for (const { at, apply } of events) {
    if (at > from) close(Math.min(at, to));
    if (at <= to) apply();
  }
  close(to);

  const length = (span: ComplianceSpan) => span.to.getTime() - span.from.getTime();
  const sum = (list: readonly ComplianceSpan[]) => list.reduce((total, span) => total + length(span), 0);
  const compliantMs = sum(spans.filter(({ compliant }) => compliant === true));
  const knownMs = sum(spans.filter(({ compliant }) => compliant !== null));
  return {
    spans,
    compliantMs,
    knownMs,
    share: knownMs === 0 ? null : compliantMs / knownMs,
    lastCompliantAt: spans.findLast(({ compliant }) => compliant === true)?.to ?? null,
  };
}

/** Spans that say the same of one backup, or that are compliant whichever backup it is, are one. */
function sameState(a: ComplianceSpan, b: ComplianceSpan): boolean {
  if (a.compliant !== b.compliant) return false;
  if (a.compliant !== false) return true;
  return a.backupId === b.backupId && JSON.stringify(a.missing) === JSON.stringify(b.missing);
}
