import { createHash, randomBytes } from 'node:crypto';
import { isHoldfastError } from '../errors/holdfast-error';
import { storageError } from '../errors/storage';
import { isDeleteNotPermitted, keptCanaryKey, newCanaryKey, writeCanary } from './canary';
import { withDeadline } from './deadline';
import type { ObjectStore, StoreFinding } from './object-store';
import { abortReason } from './timing';

const CANARY_BYTES = 64 * 1024;
const CLEANUP_TIMEOUT_MS = 5_000;
/** For all questions about settings together: they are a remark, not worth a long wait. */
const INSPECTION_TIMEOUT_MS = 20_000;
/** Clocks that are kept by NTP differ by less. */
const MAX_SKEW_MS = 5_000;

/** Stores that show a key without permission nothing, rather than refuse it. */
const HIDDEN_HINT: Readonly<Partial<Record<ObjectStore['kind'], string>>> = {
  supabase: 'the role of the key for reading may lack select on storage.objects: such a key is shown nothing',
};

export type StoreCheckStepName =
  'write' | 'head' | 'read' | 'range' | 'list' | 'create-only' | 'missing' | 'delete' | 'gone';

export interface StoreCheckStep {
  readonly name: StoreCheckStepName;
  /** `skipped`: the store has no such thing, or a step before it failed. */
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** What was found, for people; empty when there is nothing to add. */
  readonly detail: string;
  readonly durationMs: number;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    /** What is missing, by the provider's name (`s3:PutObject`); null when that is not what is wrong. */
    readonly permission: string | null;
  } | null;
}

/** The result of a real round trip at one store. */
export interface StoreCheck {
  readonly store: string;
  readonly kind: ObjectStore['kind'];
  /** True when no step failed. */
  readonly ok: boolean;
  readonly durationMs: number;
  readonly steps: readonly StoreCheckStep[];
  /** What is no failure of a step: settings of the bucket, clocks, objects of others. */
  readonly findings: readonly StoreFinding[];
}

export interface StoreCheckOptions {
  readonly signal?: AbortSignal;
  /**
   * Runs before anything is written, and refuses by throwing: whether this is the place it should be. What it throws is
   * the error of the first step.
   */
  readonly before?: (signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Writes a canary below `.holdfast-canary/`, uses it in every way that backups use objects, and removes it again. Where
 * deleting is not permitted, one canary a host stays, and is replaced by the next check. Then asks for the settings of
 * the place. Resolves whatever the store does; rejects only when `signal` is aborted.
 */
export async function checkStore(store: ObjectStore, options: StoreCheckOptions = {}): Promise<StoreCheck> {
  const { signal } = options;
  let body: Buffer = randomBytes(CANARY_BYTES);
  let sha256 = hashOf(body);
  let key = newCanaryKey();
  let written = false;
  let writing = { from: 0, to: 0 };
  const steps: StoreCheckStep[] = [];
  const findings: StoreFinding[] = [];
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
      if (isHoldfastError(error, 'STORE_CREDENTIAL_MISSING')) return end('skipped', error.message);
      if (name === 'delete' && isHoldfastError(error, 'STORE_OBJECT_LOCKED'))
        return end('skipped', 'the canary is locked, and stays until its time is over');
      end('failed', '', describe(error));
      const skew = isHoldfastError(error, 'STORE_CLOCK_SKEW') ? error.context.skewSeconds : undefined;
      if (typeof skew === 'number') findings.push(clockFinding(skew * 1000));
    }
  };
  const skip = (name: StoreCheckStepName, detail: string) =>
    steps.push({ name, outcome: 'skipped', detail, durationMs: 0, error: null });
  const differs = (detail: string, hint?: string) =>
    storageError('STORE_CONTENT_MISMATCH', detail, { context: { store: store.name, key }, ...(hint ? { hint } : {}) });

  try {
    await step('write', async () => {
      await options.before?.(signal);
      if (!(await mayDelete(store, key, signal))) key = keptCanaryKey();
      written = true;
      writing = { from: Date.now(), to: 0 };
      const wrote = await writeCanary(store, key, body, signal);
      writing = wrote.created ? { ...writing, to: Date.now() } : NOT_TIMED;
      body = wrote.body;
      sha256 = hashOf(body);
      return wrote.created ? `${body.length} bytes` : 'the canary of an earlier check serves: it may not be replaced';
    });
    await step('head', async () => {
      const info = await store.head(key, { signal });
      if (info?.bytes !== body.length)
        throw differs(info ? 'the size differs' : 'the object is not visible', HIDDEN_HINT[store.kind]);
      const skewMs = skewOf(writing, info.modifiedAt.getTime());
      if (Math.abs(skewMs) > MAX_SKEW_MS) findings.push(clockFinding(skewMs));
    });
    await step('read', async () => {
      const read = await store.get(key, { signal });
      if (hashOf(read) !== sha256) throw differs('the bytes differ');
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
    if (steps.at(-1)?.outcome === 'ok')
      await step('gone', async () => {
        if ((await store.head(key, { signal })) !== null) throw differs('the object is still visible');
      });
    else skip('gone', 'nothing was deleted');
  } finally {
    // A canary is not to stay, whatever failed or was cancelled on the way.
    if (written && steps.find(({ name }) => name === 'delete')?.outcome !== 'ok')
      await store.delete([key], { signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) }).catch(() => undefined);
  }
  if (steps[0]?.outcome !== 'failed') findings.push(...(await inspect(store, signal)));
  return {
    store: store.name,
    kind: store.kind,
    ok: steps.every(({ outcome }) => outcome !== 'failed'),
    durationMs: Math.round(performance.now() - began),
    steps,
    findings,
  };
}

/** What the provider says of its settings; a failure to tell is nothing that backups suffer from. */
async function inspect(store: ObjectStore, signal: AbortSignal | undefined): Promise<readonly StoreFinding[]> {
  try {
    return await withDeadline(
      store.name,
      INSPECTION_TIMEOUT_MS,
      signal,
      async (bounded) => (await store.inspect?.({ signal: bounded })) ?? [],
    );
  } catch (error) {
    if (signal?.aborted) throw abortReason(signal);
    const { code, hint } = describe(error);
    return [{ about: 'versioning', level: 'unknown', detail: `unknown (the store answered ${code})`, hint }];
  }
}

/**
 * Whether what is written here can be removed again, by removing what is not there. In a folder that goes without asking;
 * any other fault is left for the step that it belongs to.
 */
async function mayDelete(store: ObjectStore, absent: string, signal: AbortSignal | undefined): Promise<boolean> {
  if (store.kind === 'filesystem') return true;
  try {
    await store.delete([absent], { signal });
    return true;
  } catch (error) {
    if (isDeleteNotPermitted(error)) return false;
    throw error;
  }
}

/** Nothing was written, so nothing can be said of the clocks. */
const NOT_TIMED = { from: -Infinity, to: Infinity };

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Milliseconds that this machine is ahead of the store (negative: behind); 0 when the time lies within the writing. */
function skewOf({ from, to }: { from: number; to: number }, storedAt: number): number {
  if (storedAt < from) return from - storedAt;
  return storedAt > to ? to - storedAt : 0;
}

function clockFinding(skewMs: number): StoreFinding {
  const way = skewMs > 0 ? 'ahead of' : 'behind';
  return {
    about: 'clock',
    level: 'warning',
    detail: `the clock of this machine is ${Math.round(Math.abs(skewMs) / 1000)} s ${way} the store's`,
    hint: 'keep all clocks by NTP',
  };
}

function describe(error: unknown): NonNullable<StoreCheckStep['error']> {
  if (isHoldfastError(error)) {
    const { permission } = error.context;
    const { code, message, hint } = error;
    return { code, message, hint, permission: typeof permission === 'string' ? permission : null };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'STORE_REFUSED', message, hint: '', permission: null };
}
