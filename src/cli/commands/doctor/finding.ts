import { reportError } from '../../output/errors';

/** One thing that `doctor` looked at. */
export interface Finding {
  readonly area: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** A fact. */
  readonly detail: string;
  /** What to do; null when there is nothing to do. */
  readonly hint: string | null;
}

export const ok = (area: string, detail: string): Finding => ({ area, status: 'ok', detail, hint: null });
export const warn = (area: string, detail: string, hint: string): Finding => ({ area, status: 'warn', detail, hint });
export const fail = (area: string, detail: string, hint: string): Finding => ({ area, status: 'fail', detail, hint });

/** A check that throws is a failed check: doctor always comes to its end. */
export async function examine(area: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    const { code, message, hint } = reportError(error);
    return [fail(area, `${code}: ${message}`, hint)];
  }
}

/** Clocks that differ by more than this make retention, signatures of requests and RPO figures wrong. Milliseconds. */
export const MAX_SKEW_MS = 5_000;

export function clockFinding(area: string, skewMs: number): Finding {
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok(area, `its clock differs from ours by ${seconds} s`);
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  return warn(area, `its clock is ${seconds} s ${direction} ours`, 'keep all clocks by NTP');
}
