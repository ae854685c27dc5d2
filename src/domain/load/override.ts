/** What operators decide: it beats every sample and every window. */
import type { Rung } from './ladder';

export interface PaceOverride extends Rung {
  readonly paused: boolean;
  /** It ends by itself. Milliseconds since the epoch; null = until it is taken back. */
  readonly until: number | null;
  readonly by: string;
  readonly why: string;
}

/** All heavy work of all databases stands still until somebody takes it back. */
export interface EmergencyStop {
  readonly by: string;
  readonly why: string;
}

export const stopText = ({ by, why }: EmergencyStop): string => `emergency stop by ${by}: ${why || 'no reason given'}`;
/** Of those who wait because of it. */
export const standingText = ({ by, why }: EmergencyStop): string =>
  `an emergency stop of ${by} stands: ${why || 'no reason given'}`;

export const overrideHolds = (override: PaceOverride | null, now: number): override is PaceOverride =>
  override !== null && (override.until === null || now < override.until);

/** "asked by ana: month-end, until 14:00". */
export function overrideText(override: PaceOverride, timeText: (at: number) => string): string {
  const until = override.until === null ? 'until it is taken back' : `until ${timeText(override.until)}`;
  return `asked by ${override.by}: ${override.why || 'no reason given'}, ${until}`;
}
