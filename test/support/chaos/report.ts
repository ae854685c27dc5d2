import type { BackupJob } from '../../../src/catalog/types';
import type { StormEvent } from './storm';

export interface ChaosFacts {
  readonly seed: number;
  readonly seconds: number;
  readonly events: readonly StormEvent[];
  readonly backups: readonly BackupJob[];
  readonly proofs: readonly {
    readonly backupId: string;
    readonly store: string;
    /** State of the copy before it was proved. */
    readonly before: string;
    readonly grade: string | null;
    readonly failure: string | null;
    readonly rows: number;
  }[];
  readonly failedRuns: number;
}

/** What was broken, and what became of each copy, in Markdown. */
export function chaosReport({ seed, seconds, events, backups, proofs, failedRuns }: ChaosFacts): string {
  const counts = new Map<string, number>();
  for (const { store, fault } of events) {
    const what = `${store}: ${fault.replace(/[0-9a-f]{8}/, 'an object')}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [
    `# Chaos: seed ${seed}, ${seconds} s`,
    '',
    `${events.length} faults, ${backups.length} backups completed, ${failedRuns} runs failed, ${proofs.length} copies, ` +
      `${proofs.filter(({ grade }) => grade === 'exact').length} of them proved exact.`,
    '',
    '| fault | times |',
    '| --- | --- |',
    ...[...counts].sort().map(([what, times]) => `| ${what} | ${times} |`),
    '',
    '| backup | type | store | before the proof | grade | rows | |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...proofs.map(({ backupId, store, before, grade, rows, failure }) => {
      const type = backups.find((backup) => backup.backupId === backupId)?.backupType ?? '';
      return `| ${backupId} | ${type} | ${store} | ${before} | ${grade ?? 'none'} | ${rows} | ${failure ?? ''} |`;
    }),
    '',
  ].join('\n');
}
