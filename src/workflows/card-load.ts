/** The status card of `loadWatch` in the Temporal Web UI. Pure. */
import type { LoadNews, LoadWatchState } from '../activities/load-types';
import { paceWord, type Pace } from '../domain/pace';

const MARK = { full: '🟢', limited: '🟡', paused: '🔴' } as const;

export function loadCard(database: string, state: LoadWatchState | null, recent: readonly LoadNews[]): string {
  if (state === null) return `### ⚪ \`${database}\`: its load was not measured yet`;
  const { rhythm, backupId, reasons, alerts, rounds, at } = state;
  const lines = [
    rhythm === 'backup'
      ? `### \`${database}\`: the backup \`${backupId ?? ''}\` reads, its load is watched closely`
      : `### \`${database}\`: no backup reads, its load is measured to learn what is usual`,
    '',
    `**Rounds:** ${rounds}. **Last round told of:** ${at ?? 'none'}.`,
  ];
  if (rhythm === 'backup' && reasons.length > 0) lines.push('', `**Decided:** ${cell(reasons.slice(0, 3).join('; '))}`);
  for (const { code, text } of alerts) lines.push('', `⚠️ \`${code}\` ${cell(text)}`);
  if (recent.length > 0) {
    lines.push('', '| When | What | Why |', '| --- | --- | --- |');
    for (const { at: when, pace, alert, reasons: why } of [...recent].reverse())
      lines.push(
        pace === null
          ? `| ${when} | alert \`${alert?.code ?? ''}\` | ${cell(alert?.text ?? '')} |`
          : `| ${when} | ${MARK[paceWord(pace)]} ${paceText(pace)} | ${cell(why.slice(0, 3).join('; '))} |`,
      );
  }
  lines.push('', 'Signals: `probeNow`, `end`. Query: `status`.');
  return lines.join('\n');
}

function paceText(pace: Pace): string {
  if (pace.paused) return pace.giveUp === true ? 'paused, the snapshot is released' : 'paused';
  const { maxBytesPerSecond, readers, uploads } = pace;
  const limits = [
    ...(maxBytesPerSecond === null ? [] : [`${(maxBytesPerSecond / 1e6).toFixed(1)} MB/s`]),
    ...(readers === null ? [] : [`${readers} readers`]),
    ...(uploads === null || uploads === undefined ? [] : [`${uploads} uploads`]),
  ];
  return limits.length === 0 ? 'full' : limits.join(', ');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
