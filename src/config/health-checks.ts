import type { ConfigPath } from './fault';
import { healthSchema } from './health-schema';

/** What the limits of health demand of each other. Fields that are not stated count with their defaults. */
export function healthChecks(
  written: unknown,
  fault: (path: ConfigPath, message: string, hint?: string | null) => void,
): void {
  if (typeof written !== 'object' || written === null) return;
  // As loaded already, or as written: durations are numbers then, or text.
  const loaded = Object.fromEntries(
    Object.entries(written).map(([key, value]) => [
      key,
      typeof value === 'number' && DURATIONS.has(key) ? `${value}ms` : (value as unknown),
    ]),
  );
  const parsed = healthSchema.safeParse(loaded);
  if (!parsed.success) return;
  const { interval, slowAfter, timeout, degradedBelow, downBelow, recovery } = parsed.data;
  if (interval < SHORTEST_INTERVAL_MS) fault(['health', 'interval'], 'interval must be at least 100ms');
  if (downBelow + recovery >= degradedBelow)
    fault(
      ['health', 'downBelow'],
      `downBelow (${downBelow}) and recovery (${recovery}) together must stay below degradedBelow (${degradedBelow})`,
      'Lower downBelow or recovery, or raise degradedBelow',
    );
  if (degradedBelow + recovery >= 1)
    fault(
      ['health', 'degradedBelow'],
      `degradedBelow (${degradedBelow}) and recovery (${recovery}) together must stay below 1: no store could become healthy again`,
      'Lower degradedBelow or recovery',
    );
  if (slowAfter >= timeout)
    fault(
      ['health', 'slowAfter'],
      'slowAfter must be shorter than timeout: nothing could be slow',
      'Lower slowAfter, or raise timeout',
    );
}

/** Each probe is a handful of requests, and some stores charge for them. */
const SHORTEST_INTERVAL_MS = 100;
const DURATIONS: ReadonlySet<string> = new Set(['interval', 'timeout', 'slowAfter', 'openFor', 'patience']);
