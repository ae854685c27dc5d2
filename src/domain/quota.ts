/** Whether a store may take more: ok, warn or stop. A pure decision; it is carried out by not writing, never by deleting. */

export type QuotaState = 'ok' | 'warn' | 'stop';

/** As configured. Shares of 0..1. */
export interface QuotaLimits {
  readonly maxBytes: number | null;
  readonly maxObjects: number | null;
  readonly warnAt: number;
  readonly stopAt: number;
}

export const NO_LIMITS: QuotaLimits = { maxBytes: null, maxObjects: null, warnAt: 0.8, stopAt: 0.95 };

export interface QuotaFacts {
  /** What the store holds, of all databases. */
  readonly bytes: number;
  readonly objects: number;
  /** What is about to be written. */
  readonly expectedBytes: number;
  readonly expectedObjects: number;
  /** Of the disk under a folder; null where the store has no disk of ours. */
  readonly disk: { readonly freeBytes: number; readonly minFreeBytes: number } | null;
}

export interface QuotaDecision {
  readonly state: QuotaState;
  /** The fullest of the limits as it stands, 0 = empty, 1 = full; null without a limit. */
  readonly share: number | null;
  /** The same with what is about to be written. */
  readonly expectedShare: number | null;
  /** Facts, most severe first; empty when the state is ok. */
  readonly reasons: readonly string[];
}

/** A completed backup, as the catalogue knows it. */
export interface BackupSize {
  readonly backupType: string;
  /** Sealed bytes of all its segments. */
  readonly fileSize: number | null;
  /** Of those, sealed bytes that were new. */
  readonly uploadedBytes: number | null;
  readonly segments: number | null;
}

/**
 * What the next backup of this type will write: as much as the last of its type did; where there is none, as much as a
 * full one for a full one, and as the last of any type for the others. Newest first; nothing is expected of a first backup.
 */
export function expectedBackup(
  backups: readonly BackupSize[],
  type: string,
): { readonly bytes: number; readonly objects: number } {
  const same = backups.find(({ backupType }) => backupType === type);
  const last = same ?? backups[0];
  if (!last) return { bytes: 0, objects: 0 };
  const whole = last.fileSize ?? 0;
  const bytes = same || type !== 'full' ? (last.uploadedBytes ?? whole) : whole;
  const share = whole > 0 ? Math.min(1, bytes / whole) : 0;
  // The manifest is one more.
  return { bytes, objects: Math.ceil((last.segments ?? 0) * share) + 1 };
}

interface Gauge {
  readonly name: 'bytes' | 'objects' | 'disk';
  readonly used: number;
  readonly expected: number;
  readonly max: number;
  /** A disk has a floor of its own instead. */
  readonly stopAt: number;
}

/**
 * Stops when the store is at `stopAt` of a limit, or would be above it after what is about to be written; and where a disk
 * would be left with less than its floor. Warns from `warnAt` on, by the same two figures.
 */
export function decideQuota(limits: QuotaLimits, facts: QuotaFacts): QuotaDecision {
  const gauges = gaugesOf(limits, facts);
  if (gauges.length === 0) return { state: 'ok', share: null, expectedShare: null, reasons: [] };
  const judged = gauges.map((gauge) => {
    const share = shareOf(gauge.used, gauge.max);
    const then = shareOf(gauge.used + gauge.expected, gauge.max);
    const full = share >= gauge.stopAt || then > gauge.stopAt;
    const state: QuotaState = full ? 'stop' : then >= limits.warnAt ? 'warn' : 'ok';
    return { state, share, then, text: sentence(gauge, share, then) };
  });
  const having = (state: QuotaState) => judged.filter((one) => one.state === state);
  return {
    state: having('stop').length > 0 ? 'stop' : having('warn').length > 0 ? 'warn' : 'ok',
    share: Math.max(...judged.map(({ share }) => share)),
    expectedShare: Math.max(...judged.map(({ then }) => then)),
    reasons: [...having('stop'), ...having('warn')].map(({ text }) => text),
  };
}

function gaugesOf(limits: QuotaLimits, facts: QuotaFacts): readonly Gauge[] {
  const { stopAt } = limits;
  const { bytes, objects, expectedBytes, expectedObjects, disk } = facts;
  return [
    ...(limits.maxBytes === null
      ? []
      : [{ name: 'bytes' as const, used: bytes, expected: expectedBytes, max: limits.maxBytes, stopAt }]),
    ...(limits.maxObjects === null
      ? []
      : [{ name: 'objects' as const, used: objects, expected: expectedObjects, max: limits.maxObjects, stopAt }]),
    // What we use and what is left for us; the floor is the operator's own margin, so the stop is at the floor itself.
    ...(disk === null
      ? []
      : [
          {
            name: 'disk' as const,
            used: bytes,
            expected: expectedBytes,
            max: bytes + Math.max(0, disk.freeBytes - disk.minFreeBytes),
            stopAt: 1,
          },
        ]),
  ];
}

/** Nothing used of nothing is full: there is no room. */
function shareOf(used: number, max: number): number {
  return max > 0 ? used / max : 1;
}

function sentence({ name, used, expected, max }: Gauge, share: number, then: number): string {
  const amount = (count: number) => (name === 'objects' ? `${count} objects` : size(count));
  const of = name === 'disk' ? `the ${size(max)} that the disk has for it` : amount(max);
  const next = expected > 0 ? `, ${percent(then)} with the ${amount(expected)} that are expected next` : '';
  return `${percent(share)} of ${of} is used (${amount(used)})${next}`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
function size(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[power]}`;
}

const percent = (share: number) => `${Math.floor(share * 1000) / 10} %`;
