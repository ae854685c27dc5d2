/** Whether a store works now, in one small round trip: for what asks every half minute. */
import { randomBytes } from 'node:crypto';
import { isHoldfastError } from '../errors/holdfast-error';
import { storageError } from '../errors/storage';
import { isDeleteNotPermitted, probeCanaryKey, writeCanary } from './canary';
import { withDeadline } from './deadline';
import type { ObjectStore } from './object-store';
import { abortReason } from './timing';

const PROBE_BYTES = 1024;
const PROBE_TIMEOUT_MS = 10_000;

export interface ProbeOptions {
  readonly signal?: AbortSignal;
  /** Bound of the whole probe, retries of the store included. @default 10000 */
  readonly timeoutMs?: number;
  /** Comes first, within the same bound; what it throws is what the probe found. */
  readonly greet?: (signal: AbortSignal) => Promise<void>;
}

/** What one probe found. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Of the whole round trip, also of one that failed. */
  readonly latencyMs: number;
  /** Code of the error (`STORE_…`); null when the probe passed. */
  readonly code: string | null;
  /** The fact, without any secret; empty when the probe passed. */
  readonly message: string;
  /** What to do next; empty when the probe passed. */
  readonly hint: string;
  /** The canary was left because deleting is not permitted here. The next probe replaces it. */
  readonly kept: boolean;
}

/**
 * Writes a canary, reads it back and compares, asks for its size, and deletes it where that is permitted. Resolves
 * whatever the store does, within `timeoutMs`; rejects only when `signal` is aborted. A store that was used before is to
 * be greeted first (`greet`, or `StoreSet.open`), since an empty mount point takes a canary too.
 */
export async function probeStore(store: ObjectStore, options: ProbeOptions = {}): Promise<ProbeResult> {
  const { signal, greet, timeoutMs = PROBE_TIMEOUT_MS } = options;
  const began = performance.now();
  const result = (facts: Omit<ProbeResult, 'latencyMs'>): ProbeResult => ({
    ...facts,
    latencyMs: Math.round(performance.now() - began),
  });
  try {
    const kept = await withDeadline(store.name, timeoutMs, signal, async (bounded) => {
      await greet?.(bounded);
      return roundTrip(store, bounded);
    });
    return result({ ok: true, code: null, message: '', hint: '', kept });
  } catch (error) {
    if (signal?.aborted) throw abortReason(signal);
    if (isHoldfastError(error))
      return result({ ok: false, code: error.code, message: error.message, hint: error.hint, kept: false });
    const message = error instanceof Error ? error.message : String(error);
    return result({ ok: false, code: 'STORE_REFUSED', message, hint: '', kept: false });
  }
}

/** True when the canary had to be left. */
async function roundTrip(store: ObjectStore, signal: AbortSignal): Promise<boolean> {
  const shared = probeCanaryKey();
  if (await writeAndCompare(store, shared, signal)) return remove(store, shared, signal);
  // Another process of this host may have probed the same store at the same moment; nobody else uses this name.
  const own = `${shared}-${randomBytes(8).toString('hex')}`;
  const same = await writeAndCompare(store, own, signal);
  const kept = await remove(store, own, signal);
  if (same) return kept;
  throw storageError('STORE_CONTENT_MISMATCH', 'what was written is not what is read', {
    context: { store: store.name, key: own },
  });
}

async function writeAndCompare(store: ObjectStore, key: string, signal: AbortSignal): Promise<boolean> {
  const { body } = await writeCanary(store, key, randomBytes(PROBE_BYTES), signal);
  try {
    const [read, info] = await Promise.all([store.get(key, { signal }), store.head(key, { signal })]);
    return read.equals(body) && info?.bytes === body.length;
  } catch (error) {
    if (isHoldfastError(error, 'STORE_OBJECT_MISSING')) return false;
    throw error;
  }
}

async function remove(store: ObjectStore, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    await store.delete([key], { signal });
    return false;
  } catch (error) {
    if (isDeleteNotPermitted(error)) return true;
    throw error;
  }
}
