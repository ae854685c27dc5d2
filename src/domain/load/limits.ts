/** A limit of one signal: where a run slows down, where it stops, and how far the signal must fall before it goes on. */
import { signalFacts, type SignalName } from './signals';

export interface SignalLimit {
  readonly signal: SignalName;
  /** From here a run slows down: in the signal's unit, or as a factor of what is usual when `relative`. */
  readonly throttle: number;
  /** From here it pauses; null = this signal only slows down. */
  readonly pause: number | null;
  /** From this on, on the good side of `throttle`, a run may go faster again. */
  readonly release: number;
  /** `throttle`, `pause` and `release` are factors of the baseline of that hour of the week. @default false */
  readonly relative?: boolean;
  /** With `relative`: values below it, in the signal's unit, hurt nobody whatever the factor. @default 0 */
  readonly least?: number;
  /** Reaching `pause` counts for the impact breaker. @default false */
  readonly hard?: boolean;
}

/** What is usual for a series at some time. */
export interface Usual {
  readonly median: number;
  readonly p90: number;
}

/** A limit in the signal's own unit. */
export interface Thresholds {
  readonly throttle: number;
  readonly pause: number;
  readonly release: number;
}

/**
 * Null when the limit is relative and nothing usual is known. What nine of ten samples of that hour stay below is never held
 * against a run: without that, a small factor on a noisy signal would see impact where there is only noise.
 */
export function thresholdsOf(limit: SignalLimit, usual: Usual | null): Thresholds | null {
  const lower = signalFacts(limit.signal).worse === 'lower';
  const never = lower ? -Infinity : Infinity;
  const { throttle, pause, release } = limit;
  if (!limit.relative) return { throttle, pause: pause ?? never, release };
  if (usual === null) return null;
  const base = lower ? usual.median : Math.max(usual.median, usual.p90 / throttle, (limit.least ?? 0) / throttle);
  if (base <= 0) return null;
  return { throttle: throttle * base, pause: pause === null ? never : pause * base, release: release * base };
}

/** `pause` and `throttle` are breaches; `hold` lies between release and throttle; `clear` lets a run go faster. */
export type SignalLevel = 'clear' | 'hold' | 'throttle' | 'pause';

/** The level of one value alone, without its past. */
export function levelOf(signal: SignalName, value: number, { throttle, pause, release }: Thresholds): SignalLevel {
  // Mirrored, a signal that is worse when lower reads like the others.
  const sign = signalFacts(signal).worse === 'lower' ? -1 : 1;
  const [at, slow, stop, free] = [value * sign, throttle * sign, pause * sign, release * sign];
  if (at >= stop) return 'pause';
  if (at >= slow) return 'throttle';
  // At the release itself it is free: of a count whose release is 0 nothing else would ever be.
  return at > free ? 'hold' : 'clear';
}

/** What is wrong with a limit in itself; empty when nothing is. `field` is one of its own fields. */
export function limitFaults(limit: SignalLimit): readonly { readonly field: string; readonly message: string }[] {
  const faults: { field: string; message: string }[] = [];
  const lower = signalFacts(limit.signal).worse === 'lower';
  const beyond = lower ? 'below' : 'above';
  const short = lower ? 'above' : 'below';
  const sign = lower ? -1 : 1;
  if (limit.pause !== null && limit.pause * sign <= limit.throttle * sign)
    faults.push({
      field: 'pause',
      message: `pause (${limit.pause}) must be ${beyond} throttle (${limit.throttle}) for ${limit.signal}`,
    });
  if (limit.release * sign >= limit.throttle * sign)
    faults.push({
      field: 'release',
      message: `release (${limit.release}) must be ${short} throttle (${limit.throttle}) for ${limit.signal}: it would never settle`,
    });
  if (!limit.relative && signalFacts(limit.signal).unit === 'share') {
    const field = (['throttle', 'pause', 'release'] as const).find((name) => (limit[name] ?? 0) > 1);
    if (field !== undefined)
      faults.push({ field, message: `${limit.signal} is a share: ${field} (${limit[field]}) can never be reached` });
  }
  if (limit.relative && limit.throttle * sign <= sign)
    faults.push({
      field: 'throttle',
      message: `throttle (${limit.throttle}) of ${limit.signal} is at or ${short} what is usual: a run would never go at full pace`,
    });
  return faults;
}
