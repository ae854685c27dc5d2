/** The status card that the Temporal Web UI shows for a run: for somebody who has never seen Holdfast. */
import type { BackupPhase } from '../domain/names';
import type { Pace } from '../domain/pace';
import type { BackupProgress, Waiting } from '../domain/progress';
import type { DumpResult } from '../activities/types';

export interface CardFacts {
  readonly requestedBy: string;
  readonly host: { readonly workerIdentity: string; readonly attempt: number } | null;
  readonly notices: readonly string[];
  readonly result: DumpResult | null;
}

const PHASES: readonly (readonly [BackupPhase, string])[] = [
  ['admitting', 'Decide what to back up, on which base, and where to'],
  ['dumping', 'Read the database in one snapshot; seal and upload to every healthy store at once'],
  ['replicating', 'Fill the stores that could not keep up, from a good copy'],
  ['verifying', 'Prove a copy: restore it into a private scratch server and compare'],
  ['retention', 'Mark what the retention policy no longer keeps'],
  ['done', 'Done'],
];

/** Markdown. Pure, so that it costs nothing in the history and can be tested as text. */
export function backupCard(progress: BackupProgress, facts: CardFacts): string {
  const lines = [
    `### ${headline(progress)}`,
    '',
    `Backup \`${progress.backupId}\` of \`${progress.database}\`, ${progress.type}, asked by ${facts.requestedBy}, started ${progress.startedAt}.`,
    '',
    ...phaseLines(progress.phase),
    '',
    `**Pace:** ${paceText(progress.pace)}${progress.paceApplied ? '' : ' (not confirmed by the dumping worker yet)'}`,
  ];
  const { dump } = progress;
  if (facts.result !== null) {
    const { rows, plainBytes, sealedBytes, uploadedBytes, reusedBytes, adopted } = facts.result;
    lines.push(
      '',
      `**Stored:** ${rows.toLocaleString('en')} rows, ${bytes(plainBytes)} read, ${bytes(sealedBytes)} sealed, ` +
        `${bytes(uploadedBytes)} sent, ${bytes(reusedBytes)} reused${adopted ? '; committed by an earlier attempt' : ''}`,
    );
  } else if (dump !== null) {
    const percent =
      dump.plainBytesExpected && dump.plainBytesExpected > 0
        ? ` (about ${Math.min(99, Math.floor((100 * dump.plainBytes) / dump.plainBytesExpected))} %)`
        : '';
    lines.push(
      '',
      `**Dump:** attempt ${dump.attempt}, ${dump.tablesDone} of ${dump.tablesTotal} tables, ${dump.rows.toLocaleString('en')} rows, ` +
        `${bytes(dump.plainBytes)} read${percent}, ${bytes(dump.bytesPerSecond)}/s` +
        (dump.etaMs === null ? '' : `, about ${Math.ceil(dump.etaMs / 1000)} s left`) +
        (dump.current === null ? '' : `, at \`${dump.current}\``),
    );
    if (facts.host?.workerIdentity) lines.push('', `**Worker:** \`${facts.host.workerIdentity}\``);
  }
  if (progress.copies.length > 0) {
    lines.push('', '| Store | Copy | Proof | |', '| --- | --- | --- | --- |');
    for (const { store, state, grade, detail } of progress.copies)
      lines.push(`| ${store} | ${state} | ${grade ?? '—'} | ${cell(detail ?? '')} |`);
  }
  const { compliance } = progress;
  if (compliance) {
    const missing = compliance.missing.map(({ sentence }) => sentence).join(', ');
    lines.push(
      '',
      `**Copies:** ${compliance.state}, ${compliance.proved} proved${missing === '' ? '' : `; the policy is not met: ${missing}`}`,
    );
  }
  if (progress.error !== null) lines.push('', `**Failed:** \`${progress.error.type}\` — ${progress.error.message}`);
  if (progress.waiting) lines.push('', `**Waits:** ${cell(waitText(progress.waiting))}`);
  for (const notice of facts.notices) lines.push('', `> ${notice}`);
  return lines.join('\n');
}

function headline({ phase, pace, error, waiting }: BackupProgress): string {
  if (error !== null) return `Failed: ${error.type}`;
  if (phase === 'done') return 'Done';
  if (pace.paused && (phase === 'dumping' || phase === 'admitting')) return `Paused: ${pace.reason}`;
  if (waiting) return waiting.until === null ? 'Waiting' : `Waiting until ${waiting.until}`;
  return PHASES.find(([name]) => name === phase)?.[1] ?? phase;
}

function waitText({ reason, until, for: what }: Waiting): string {
  const end = until === null ? '' : `, until ${until}`;
  return what === 'opening'
    ? `${reason}${end}. \`holdfast backup resume\`, or the signal \`startNow\`, starts it now.`
    : `${reason}${end}`;
}

function phaseLines(phase: BackupPhase): string[] {
  const at = PHASES.findIndex(([name]) => name === phase);
  if (at < 0) return [];
  return PHASES.slice(0, -1).map(([name, text], index) => {
    const mark = index < at ? '✅' : index === at ? '▶️' : '▫️';
    return `- ${mark} **${name}** — ${text}`;
  });
}

function paceText(pace: Pace): string {
  const limits = [
    pace.maxBytesPerSecond === null ? null : `at most ${bytes(pace.maxBytesPerSecond)}/s`,
    pace.readers === null ? null : `at most ${pace.readers} readers`,
  ].filter((text) => text !== null);
  const what = pace.paused ? 'paused' : limits.length > 0 ? limits.join(', ') : 'full';
  return pace.sequence === 0 ? what : `${what}, by ${pace.setBy}: ${pace.reason}`;
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
function bytes(count: number): string {
  const power = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 ? String(Math.round(value)) : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[power]}`;
}
