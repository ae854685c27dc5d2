/** What a store truly holds, by a listing of all below its prefix: streaming, with memory for the sums alone. */
import { isName } from '../domain/names';
import type { ObjectStore } from '../storage/object-store';

/** Sums by database; the empty name is for what belongs to none. */
export type MeasuredSums = Readonly<Record<string, { readonly bytes: number; readonly objects: number }>>;

export interface Measurement {
  /** The last key that is in the sums: a measurement that broke off goes on after it. */
  readonly after: string | null;
  readonly sums: MeasuredSums;
}

export interface MeasureRequest {
  readonly store: ObjectStore;
  /** What an earlier attempt counted. */
  readonly from?: Measurement;
  readonly signal?: AbortSignal;
  /** The sums so far; called each thousand objects. */
  readonly onProgress?: (measured: Measurement) => void;
}

const REPORT_EACH = 1_000;
const FOLDERS = new Set(['segments', 'manifests', 'proofs']);

export async function measureStore({ store, from, signal, onProgress }: MeasureRequest): Promise<Measurement> {
  const sums = new Map(Object.entries(from?.sums ?? {}).map(([database, sum]) => [database, { ...sum }]));
  let after = from?.after ?? null;
  let seen = 0;
  // A copy: what is told must not go on growing.
  const now = (): Measurement => ({
    after,
    sums: Object.fromEntries([...sums].map(([database, sum]) => [database, { ...sum }])),
  });
  for await (const { key, bytes } of store.list('', { signal, ...(after === null ? {} : { after }) })) {
    const database = databaseOf(key);
    let sum = sums.get(database);
    if (!sum) sums.set(database, (sum = { bytes: 0, objects: 0 }));
    sum.bytes += bytes;
    sum.objects += 1;
    after = key;
    if (++seen % REPORT_EACH === 0) onProgress?.(now());
  }
  return now();
}

function databaseOf(key: string): string {
  const [database, folder, ...rest] = key.split('/');
  return isName(database!) && FOLDERS.has(folder ?? '') && rest.length > 0 ? database! : '';
}
