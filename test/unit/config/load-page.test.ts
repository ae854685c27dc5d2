import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LIMITS, DEFAULT_PEAK_LIMITS } from '../../../src/domain/load/default-limits';
import type { SignalLimit } from '../../../src/domain/load/limits';
import { signalFacts } from '../../../src/domain/load/signals';

const PAGE = readFileSync(join(__dirname, '../../../docs/load.md'), 'utf8');

function amount({ signal, relative }: SignalLimit, value: number | null): string {
  if (value === null) return 'never';
  if (relative) return `+${Math.round((value - 1) * 100)}%`;
  const { unit } = signalFacts(signal);
  if (unit === 'share') return `${Math.round(value * 100)}%`;
  return unit === 'ms' ? `${value / 1_000}s` : unit === 'bytes' ? `${value / 1e6}MB` : String(value);
}

test.each(DEFAULT_LIMITS)('the page of load states the default limit of $signal', (limit) => {
  const { signal, throttle, pause, release } = limit;
  const peak = DEFAULT_PEAK_LIMITS.find((one) => one.signal === signal);
  const notes = [
    limit.least === undefined ? [] : [`at least ${limit.least} ms`],
    limit.hard ? ['hard'] : [],
    peak
      ? [`in peak hours ${[peak.throttle, peak.pause, peak.release].map((one) => amount(peak, one)).join(', ')}`]
      : [],
  ].flat();
  const cells = [`\`${signal}\``, ...[throttle, pause, release].map((one) => amount(limit, one)), notes.join(', ')];
  expect(PAGE).toContain(`| ${cells.join(' | ')} |`.replace('|  |', '| |'));
});
