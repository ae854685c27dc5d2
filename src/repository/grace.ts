/** Asks several stores at once without letting one that hangs hold up the others. */
import { setMaxListeners } from 'node:events';
import { repositoryError } from '../errors/repository';
import type { ObjectStore } from '../storage/object-store';

/** How long the others wait, in ms, for a store that has not answered when one of them has. */
export const ANSWER_GRACE_MS = 20_000;

export type Answer<Result> =
  | { readonly store: ObjectStore; readonly ok: true; readonly result: Result }
  | { readonly store: ObjectStore; readonly ok: false; readonly error: unknown };

export interface AskOptions {
  /** @default ANSWER_GRACE_MS */
  readonly graceMs?: number;
  /** Another store has answered already, so that the grace runs from now on. */
  readonly othersWait?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * One answer a store, in the order given; a failure is an answer too, but only a success starts the grace of the rest.
 * Who has not answered when it ends is given up with REPO_STORE_LAGGED, even where its adapter ignores the signal. As
 * long as no store has answered nobody is given up: there is nobody to wait. Rejects only with the signal's reason.
 */
export async function askEach<Result>(
  stores: readonly ObjectStore[],
  options: AskOptions,
  ask: (store: ObjectStore, signal: AbortSignal) => Promise<Result>,
): Promise<Answer<Result>[]> {
  const { graceMs = ANSWER_GRACE_MS, signal } = options;
  const stoppers = stores.map(() => new AbortController());
  let timer: NodeJS.Timeout | undefined;
  const startGrace = () => {
    timer ??= setTimeout(() => {
      for (const [index, store] of stores.entries()) {
        stoppers[index]!.abort(
          repositoryError('REPO_STORE_LAGGED', 'the store did not answer while others did', {
            context: { store: store.name, graceMs },
          }),
        );
      }
    }, graceMs);
  };
  if (options.othersWait) startGrace();
  const askOne = async (store: ObjectStore, stopper: AbortController): Promise<Answer<Result>> => {
    const own = signal ? AbortSignal.any([signal, stopper.signal]) : stopper.signal;
    setMaxListeners(0, own);
    try {
      own.throwIfAborted();
      const stopped = new Promise<never>((_, reject) => {
        own.addEventListener('abort', () => reject(own.reason as Error), { once: true });
      });
      const result = await Promise.race([ask(store, own), stopped]);
      startGrace();
      return { store, ok: true, result };
    } catch (error) {
      signal?.throwIfAborted();
      return { store, ok: false, error: stopper.signal.aborted ? stopper.signal.reason : error };
    }
  };
  try {
    return await Promise.all(stores.map((store, index) => askOne(store, stoppers[index]!)));
  } finally {
    clearTimeout(timer);
  }
}
