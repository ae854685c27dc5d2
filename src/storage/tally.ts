/**
 * What one piece of work asked of the stores. Stores are shared by all that runs in a process, so the count follows the
 * asynchronous call (AsyncLocalStorage), not the store: two dumps side by side are counted apart.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface StoreTally {
  /** As providers charge them: puts, and pages of listings. */
  readonly writes: number;
  /** Gets and heads. */
  readonly reads: number;
  /** Puts that stored something. */
  readonly objects: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One request as a store counts it; failed ones are counted too, since providers charge most of them. */
export interface TallyEvent {
  readonly store: string;
  readonly operation: 'put' | 'get' | 'head' | 'list' | 'delete';
  readonly outcome: 'ok' | 'error' | 'aborted';
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export class RequestTally {
  private readonly stores = new Map<string, { -readonly [Key in keyof StoreTally]: number }>();

  add({ store, operation, outcome, requests, sentBytes, receivedBytes }: TallyEvent): void {
    let sum = this.stores.get(store);
    if (!sum) this.stores.set(store, (sum = { writes: 0, reads: 0, objects: 0, sentBytes: 0, receivedBytes: 0 }));
    if (operation === 'put' || operation === 'list') sum.writes += requests;
    // Deletes are free everywhere.
    if (operation === 'get' || operation === 'head') sum.reads += requests;
    if (operation === 'put' && outcome === 'ok' && sentBytes > 0) sum.objects += 1;
    sum.sentBytes += sentBytes;
    sum.receivedBytes += receivedBytes;
  }

  of(store: string): StoreTally {
    return this.stores.get(store) ?? { writes: 0, reads: 0, objects: 0, sentBytes: 0, receivedBytes: 0 };
  }

  all(): readonly (StoreTally & { readonly store: string })[] {
    return [...this.stores].map(([store, sum]) => ({ store, ...sum }));
  }
}

const current = new AsyncLocalStorage<RequestTally>();

/** Counts every request that `work` makes, however deep, at any store. */
export function tallied<Result>(work: (tally: RequestTally) => Promise<Result>): Promise<Result> {
  const tally = new RequestTally();
  return current.run(tally, () => work(tally));
}

/** Called by the stores. */
export function countRequest(event: TallyEvent): void {
  current.getStore()?.add(event);
}
