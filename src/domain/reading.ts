/** What reading from a store will take, and took: bytes, objects, time. Pure. */

/** A reading of the past, to measure by. */
export interface ReadSample {
  readonly bytes: number;
  readonly ms: number;
}

/** What is about to be read. */
export interface ReadEstimate {
  /** Sealed bytes that leave the store. */
  readonly bytes: number;
  /** Requests, one an object. */
  readonly objects: number;
  /** null = nothing of the kind was measured so far. */
  readonly ms: number | null;
  /** As text with its currency; null = the store's prices are not stated. */
  readonly cost: string | null;
}

/** Time by the rate of the last readings together, never faster than the limit lets it be. */
export function estimateRead(
  what: { readonly bytes: number; readonly objects: number; readonly cost?: string | null },
  samples: readonly ReadSample[],
  maxBytesPerSecond?: number | null,
): ReadEstimate {
  const bytes = samples.reduce((sum, sample) => sum + sample.bytes, 0);
  const spent = samples.reduce((sum, sample) => sum + sample.ms, 0);
  const measured = bytes > 0 && spent > 0 ? (what.bytes / bytes) * spent : null;
  const least = maxBytesPerSecond ? (what.bytes / maxBytesPerSecond) * 1_000 : null;
  const ms = measured === null ? least : Math.max(measured, least ?? 0);
  return {
    bytes: Math.round(what.bytes),
    objects: Math.round(what.objects),
    ms: ms === null ? null : Math.round(ms),
    cost: what.cost ?? null,
  };
}

/** `1.2 GiB in 812 objects, about 3 min, costs about 0.11 EUR`. */
export function estimateText({ bytes, objects, ms, cost }: ReadEstimate): string {
  return [
    `${bytesText(bytes)} in ${objects.toLocaleString('en')} objects`,
    ms === null ? null : `about ${spanText(ms)}`,
    cost === null ? null : `costs about ${cost}`,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

/** `1.2 GiB in 812 objects, 3 min, 6.8 MiB/s`. */
export function measuredText({ bytes, objects, ms, cost }: ReadEstimate): string {
  return [
    `${bytesText(bytes)} in ${objects.toLocaleString('en')} objects`,
    ms === null ? null : spanText(ms),
    ms === null || ms === 0 ? null : `${bytesText((bytes / ms) * 1_000)}/s`,
    cost === null ? null : `cost ${cost}`,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
export function bytesText(count: number): string {
  const power = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 ? String(Math.round(value)) : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[power]}`;
}

/** `40 ms`, `12 s`, `3 min`, `5 h`, `2 d`: one unit. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 48 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}
