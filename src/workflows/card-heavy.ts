/** The status card of `heavyWork` in the Temporal Web UI. Pure. */
import { nameOf } from '../domain/load/queue';
import type { HeavyQueue } from '../domain/load/places';

export function heavyCard({ atMost, stop, running, waiting }: HeavyQueue): string {
  const head =
    running.length + waiting.length === 0
      ? '### Nobody does heavy work'
      : `### ${running.length} under way, ${waiting.length} waiting`;
  const lines = [
    head,
    '',
    `Backups, proofs and restores: at most ${atMost} at once over all workers. A restore waits for restores alone.`,
  ];
  if (stop !== null)
    lines.push('', `⛔ ${cell(stop)}. Restores go on; proofs wait and begin again; backups stand still.`);
  if (running.length + waiting.length > 0)
    lines.push('', '| | Work | Priority | Since | |', '| --- | --- | --- | --- | --- |');
  for (const one of running)
    lines.push(`| ▶️ | ${nameOf(one)} | ${one.priority} | ${new Date(one.since).toISOString()} | \`${one.id}\` |`);
  for (const one of waiting)
    lines.push(
      `| ${one.place} | ${nameOf(one)} | ${one.priority} | ${new Date(one.askedAt).toISOString()} | ${cell(one.text)} \`${one.id}\` |`,
    );
  lines.push('', 'Signal: `probeNow` (look at all of them now). Query: `queue`.');
  return lines.join('\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
