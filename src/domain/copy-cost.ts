/** What one copy costs: kept for a month, spent on it so far, and read back. Pure and exact. */
import { egressCost, monthlyStorageCost, readBackCost, requestCost, totals, type Prices } from './cost';
import { addMoney, zero, type Money } from './money';
import type { CopyState } from './names';

export interface CopyFacts {
  readonly state: CopyState;
  /** Of the whole backup, sealed. */
  readonly bytes: number;
  /** Of those, bytes that this backup brought: the rest is kept for older ones, too, and charged to them. */
  readonly newBytes: number;
  /** Requests of reading it back. */
  readonly objects: number;
  /** Of all work for this backup at this store so far. */
  readonly transfers: readonly { readonly writes: number; readonly reads: number; readonly receivedBytes: number }[];
}

export interface CopyCost {
  /** Of keeping its new bytes for a month; nothing where the store does not hold the copy. */
  readonly perMonth: Money;
  /** Requests and egress so far: writing, filling, proofs, restores. */
  readonly spent: Money;
  /** One restore or proof from here; null where the store does not hold the copy. */
  readonly readBack: Money | null;
}

/** Copies in these states take room at their store. */
const HELD: ReadonlySet<CopyState> = new Set<CopyState>(['complete', 'proved', 'damaged']);

export function copyCost(prices: Prices, copy: CopyFacts): CopyCost {
  const held = HELD.has(copy.state);
  return {
    perMonth: held ? monthlyStorageCost(prices, copy.newBytes) : zero(prices.currency),
    spent: copy.transfers
      .map((one) => addMoney(requestCost(prices, one), egressCost(prices, one.receivedBytes)))
      .reduce(addMoney, zero(prices.currency)),
    readBack: held ? readBackCost(prices, copy) : null,
  };
}

/** Of all copies together, one sum a currency. */
export function backupCosts(copies: readonly CopyCost[]): {
  readonly perMonth: readonly Money[];
  readonly spent: readonly Money[];
} {
  return {
    perMonth: totals(copies.map(({ perMonth }) => perMonth)),
    spent: totals(copies.map(({ spent }) => spent)),
  };
}
