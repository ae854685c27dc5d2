/** Status cards of `rotation` and `intactShare` in the Temporal Web UI. Markdown, pure. */
import { BUCKETS, bucketsText } from '../domain/intact-plan';
import { estimateText, measuredText } from '../domain/reading';
import type {
  IntactPlan,
  IntactResult,
  RotationDecision,
  RotationResult,
  StoreAway,
} from '../domain/verification-runs';

export function turnCard({ turn, copies, overdue, skipped }: RotationDecision): string {
  const lines =
    turn === null
      ? ['### Nothing to prove', '', 'No store that can be read now holds a copy that takes part.']
      : [
          `### Proving \`${turn.backupId}\` at \`${turn.store}\` to \`${turn.grade}\``,
          '',
          `Its turn: ${turn.why}. Reads ${estimateText(turn.estimate)}.`,
        ];
  return [...lines, '', `${copies} copies take part, ${overdue} of them overdue.`, ...awayLines(skipped)].join('\n');
}

export function turnEndCard(result: RotationResult): string {
  const { turn, proof, measured, outcome } = result;
  const head =
    outcome === 'failed'
      ? `### ❌ \`${turn!.backupId}\` at \`${turn!.store}\` is not proved`
      : `### ✅ \`${turn!.backupId}\` at \`${turn!.store}\` is proved: \`${proof!.grade}\`${outcome === 'healed' ? ', healed first' : ''}`;
  const failure = proof?.failure;
  return [
    head,
    '',
    ...(measured === null ? [] : [`Read ${measuredText(measured)}. Its turn: ${turn!.why}.`]),
    ...(failure ? ['', `(${failure.class}) \`${failure.code}\` ${failure.message}`, '', failure.hint] : []),
    ...awayLines(result.skipped),
  ].join('\n');
}

export function sharesCard(plan: IntactPlan): string {
  return [
    '### Reading the share that is due',
    '',
    '| Store | Parts of 256 | Reads | Why |',
    '| --- | --- | --- | --- |',
    ...plan.shares.map(
      ({ store, from, to, estimate, why, lateMs }) =>
        `| ${store} | ${bucketsText(from, to)} | ${from < to ? estimateText(estimate) : '—'} | ${why}${lateMs > 0 ? ', late' : ''} |`,
    ),
    ...awayLines(plan.away),
    ...(plan.leftOver.length > 0
      ? ['', `${plan.leftOver.length} copies are known to be damaged; they are healed after.`]
      : []),
  ].join('\n');
}

export function intactCard(result: IntactResult): string {
  const { shares, healed, postponed } = result;
  const found = shares.reduce((sum, { read }) => sum + (read ? read.missingObjects + read.damagedObjects : 0), 0);
  const unhealed = healed.filter(({ failure }) => failure !== null).length + postponed;
  const unread = shares.filter(({ error }) => error !== null).length;
  const head =
    unhealed > 0
      ? `### ❌ ${unhealed} damaged copies are not healed and proved`
      : unread > 0
        ? `### ⚠️ ${unread} stores could not be read`
        : found + healed.length > 0
          ? `### ✅ Damage found, healed and proved again`
          : '### ✅ Everything that was read is sound';
  return [
    head,
    '',
    '| Store | Read | Cycle | Missing | Damaged |',
    '| --- | --- | --- | --- | --- |',
    ...shares.map(({ store, share, read, error, measured }) => {
      if (error !== null) return `| ${store} | \`${error.code}\` ${cell(error.message)} | | | |`;
      if (read === null || measured === null) return `| ${store} | ${share.why} | | | |`;
      const done = Math.floor((100 * read.nextBucket) / BUCKETS);
      return `| ${store} | ${measuredText(measured)} | ${done} % | ${read.missingObjects} | ${read.damagedObjects} |`;
    }),
    ...(healed.length === 0 ? [] : ['', '| Damaged copy | | |', '| --- | --- | --- |']),
    ...healed
      .slice(0, 50)
      .map(
        ({ store, backupId, state, grade, copiedObjects, failure }) =>
          `| \`${backupId}\` at ${store} | ${failure ? `not healed: \`${failure.code}\` ${cell(failure.message)}` : `${state} ${grade ?? ''}`} | ${copiedObjects} objects replaced |`,
      ),
    ...(postponed > 0 ? ['', `${postponed} damaged copies are left for the next run.`] : []),
    ...awayLines(result.away),
  ].join('\n');
}

function awayLines(away: readonly StoreAway[]): string[] {
  return away.length === 0
    ? []
    : ['', ...away.map(({ store, reason }) => `> ${store} cannot be read now: ${cell(reason)}`)];
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
