/** The status card of `storeHealth` in the Temporal Web UI. Pure. */
import type { StoreEvent, StoreStatus } from '../domain/store-watch';

const MARK = { healthy: '🟢', degraded: '🟡', down: '🔴' } as const;

export function storeCard(
  store: string,
  status: StoreStatus | null,
  recent: readonly StoreEvent[],
  waiting: number,
): string {
  if (status === null) return `### ⚪ \`${store}\`: not probed yet`;
  const { state, since, breaker, breakerSince, average, lastProbeAt, lastFault } = status;
  const latency = average.latencyMs === null ? '' : `, ${Math.round(average.latencyMs)} ms`;
  const lines = [
    `### ${MARK[state]} \`${store}\` is ${state} since ${since}`,
    '',
    `**Breaker:** ${breaker.state} since ${breakerSince}. **Answers:** ${Math.round(average.share * 100)} % good${latency}. **Last probe told of:** ${lastProbeAt ?? 'none'}.`,
  ];
  if (waiting > 0) lines.push('', `**Waiting for it:** ${waiting} runs; they are told when the breaker closes.`);
  if (lastFault !== null)
    lines.push('', `**Last fault** (${lastFault.at}): \`${lastFault.code}\` ${cell(lastFault.message)}`);
  if (recent.length > 0) {
    lines.push('', '| When | What | Change | Why |', '| --- | --- | --- | --- |');
    for (const { at, kind, from, to, reason } of [...recent].reverse())
      lines.push(`| ${at} | ${kind} | ${from} → ${to} | ${cell(reason)} |`);
  }
  lines.push('', 'Signals: `probeNow`. Query: `status`.');
  return lines.join('\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
