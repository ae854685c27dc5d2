import { createHash, randomBytes } from 'node:crypto';
import { isHoldfastError } from '../errors/holdfast-error';
import { storageError } from '../errors/storage';
import type { ObjectStore } from './object-store';
import { abortReason } from './timing';

const CANARY_BYTES = 64 * 1024;
const CLEANUP_TIMEOUT_MS = 5_000;
const FOLDER = '.holdfast-canary';

export type StoreCheckStepName =
  'write' | 'head' | 'read' | 'range' | 'list' | 'create-only' | 'missing' | 'delete' | 'gone';

export interface StoreCheckStep {
  readonly name: StoreCheckStepName;
  /** `skipped`: the store has no such thing, or a step before it failed. */
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** What was found, for people; empty when there is nothing to add. */
  readonly detail: string;
  readonly durationMs: number;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

/** The result of a real round trip at one store. */
export interface StoreCheck {
  readonly store: string;
  readonly kind: ObjectStore['kind'];
  /** True when no step failed. */
  readonly ok: boolean;
  readonly durationMs: number;
  readonly steps: readonly StoreCheckStep[];
}

/**
 * Writes a canary below `.holdfast-canary/`, uses it in every way that backups use objects, and removes it again.
 * Resolves whatever the store does; rejects only when `signal` is aborted.
 */
export async function checkStore(store: ObjectStore, options: { signal?: AbortSignal } = {}): Promise<StoreCheck> {
  const { signal } = options;
  const body = randomBytes(CANARY_BYTES);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const key = `${FOLDER}/${randomBytes(16).toString('hex')}`;
  const steps: StoreCheckStep[] = [];
  const began = performance.now();

  const step = async (name: StoreCheckStepName, work: () => Promise<string | void>) => {
    const started = performance.now();
    const end = (outcome: StoreCheckStep['outcome'], detail: string, error: StoreCheckStep['error'] = null) =>
      steps.push({ name, outcome, detail, durationMs: Math.round(performance.now() - started), error });
    if (steps[0]?.outcome === 'failed') return end('skipped', 'nothing was written');
    try {
      end('ok', (await work()) ?? '');
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      end('failed', '', describe(error));
    }
  };
  const skip = (name: StoreCheckStepName, detail: string) =>
    steps.push({ name, outcome: 'skipped', detail, durationMs: 0, error: null });
  const differs = (detail: string) =>
    storageError('STORE_CONTENT_MISMATCH', detail, { context: { store: store.name, key } });

  try {
    await step('write', async () => {
      await store.put(key, body, { sha256, signal });
      return `${CANARY_BYTES} bytes`;
    });
    await step('head', async () => {
      const info = await store.head(key, { signal });
      if (info?.bytes !== body.length) throw differs(info ? 'the size differs' : 'the object is not visible');
      const skewMs = Math.abs(Date.now() - info.modifiedAt.getTime());
      return skewMs > 60_000 ? `the clocks differ by ${Math.round(skewMs / 1000)} s` : '';
    });
    await step('read', async () => {
      const read = await store.get(key, { signal });
      if (createHash('sha256').update(read).digest('hex') !== sha256) throw differs('the bytes differ');
      return 'SHA-256 equal';
    });
    await step('range', async () => {
      const read = await store.get(key, { range: { start: 1000, end: 3000 }, signal });
      if (!read.equals(body.subarray(1000, 3000))) throw differs('the bytes of a range differ');
    });
    await step('list', async () => {
      for await (const info of store.list(key, { signal })) if (info.key === key) return;
      throw differs('the object is not listed');
    });
    if (store.capabilities.createOnly)
      await step('create-only', async () => {
        const again = await store.put(key, randomBytes(16), { createOnly: true, signal });
        const info = await store.head(key, { signal });
        if (again.created || info?.bytes !== body.length)
          throw storageError('STORE_CREATE_ONLY_IGNORED', '', { context: { store: store.name } });
        return 'a second write was refused';
      });
    else skip('create-only', 'configured as not supported: two writers at once are not told apart');
    await step('missing', async () => {
      if ((await store.head(`${key}-absent`, { signal })) !== null)
        throw differs('an object that never was is visible');
    });
    await step('delete', () => store.delete([key], { signal }));
    await step('gone', async () => {
      if ((await store.head(key, { signal })) !== null) throw differs('the object is still visible');
    });
  } finally {
    // A canary is not to stay, whatever failed or was cancelled on the way.
    if (steps.find(({ name }) => name === 'delete')?.outcome !== 'ok')
      await store.delete([key], { signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) }).catch(() => undefined);
  }
  return {
    store: store.name,
    kind: store.kind,
    ok: steps.every(({ outcome }) => outcome !== 'failed'),
    durationMs: Math.round(performance.now() - began),
    steps,
  };
}

function describe(error: unknown): NonNullable<StoreCheckStep['error']> {
  if (isHoldfastError(error)) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'STORE_REFUSED', message: error instanceof Error ? error.message : String(error), hint: '' };
}
