/** What keeping, sending and reading costs, from the prices that the config states. Pure and exact (see money.ts). */
import { addMoney, decimalUnits, priced, zero, type Money } from './money';
import { DAY_MS } from './time';

/** Prices of one storage class at one store. Decimal text, of `currency`; a GB is 10^9 bytes. */
export interface Prices {
  readonly currency: string;
  readonly storagePerGbMonth: string;
  /** Also listings: providers charge them as writes. */
  readonly per1000Writes: string;
  readonly per1000Reads: string;
  readonly egressPerGb: string;
  /** Each object is charged for this many days at least, however early it is deleted. */
  readonly minimumDays: number;
}

/** Prices as configured: some classes may differ from the rest. */
export interface PriceTable extends Prices {
  readonly classes: Readonly<Record<string, Partial<Omit<Prices, 'currency'>>>>;
}

const GB = 1_000_000_000n;
/** A twelfth of 365.25 days, in milliseconds. */
export const MONTH_MS = 2_629_800_000;

/** Of the class that the store writes with; what the class does not state is as for the others. */
export function pricesFor(table: PriceTable, storageClass: string | null): Prices {
  const { classes, ...common } = table;
  const own = storageClass !== null && Object.hasOwn(classes, storageClass) ? classes[storageClass] : {};
  const stated = Object.fromEntries(Object.entries(own ?? {}).filter(([, value]) => value !== undefined));
  return { ...common, ...stated };
}

/** Of `bytes` kept for `ms`, at least for the class's minimum. */
export function storageCost(prices: Prices, bytes: number, ms: number): Money {
  const charged = Math.max(ms, prices.minimumDays * DAY_MS);
  return priced(prices.currency, prices.storagePerGbMonth, whole(bytes) * whole(charged), GB * BigInt(MONTH_MS));
}

/** Of one month of `bytes`; what a provider charges for what stands there, so no minimum. */
export function monthlyStorageCost(prices: Prices, bytes: number): Money {
  return priced(prices.currency, prices.storagePerGbMonth, whole(bytes), GB);
}

export function requestCost(prices: Prices, requests: { readonly writes: number; readonly reads: number }): Money {
  return addMoney(
    priced(prices.currency, prices.per1000Writes, whole(requests.writes), 1000n),
    priced(prices.currency, prices.per1000Reads, whole(requests.reads), 1000n),
  );
}

export function egressCost(prices: Prices, bytes: number): Money {
  return priced(prices.currency, prices.egressPerGb, whole(bytes), GB);
}

/** Reading a whole copy back, for a restore or a proof: one read for each object, and its egress. */
export function readBackCost(prices: Prices, copy: { readonly bytes: number; readonly objects: number }): Money {
  return addMoney(egressCost(prices, copy.bytes), requestCost(prices, { writes: 0, reads: copy.objects }));
}

export interface BackupCost {
  /** Its new bytes for as long as it is expected to be kept. */
  readonly storage: Money;
  readonly requests: Money;
  readonly total: Money;
}

/** Of one backup at one store. */
export function backupCost(
  prices: Prices,
  facts: { readonly newBytes: number; readonly keptMs: number; readonly writes: number; readonly reads: number },
): BackupCost {
  const storage = storageCost(prices, facts.newBytes, facts.keptMs);
  const requests = requestCost(prices, facts);
  return { storage, requests, total: addMoney(storage, requests) };
}

export interface PeriodUse {
  /** Mean over the period. */
  readonly bytes: number;
  /** Length of the period, milliseconds. */
  readonly ms: number;
  readonly writes: number;
  readonly reads: number;
  readonly receivedBytes: number;
}
export interface PeriodCost {
  readonly storage: Money;
  readonly requests: Money;
  readonly egress: Money;
  readonly total: Money;
}

/** Of one store, or of one database at one store, over a period. */
export function periodCost(prices: Prices, use: PeriodUse): PeriodCost {
  const storage = storageCost({ ...prices, minimumDays: 0 }, use.bytes, use.ms);
  const requests = requestCost(prices, use);
  const egress = egressCost(prices, use.receivedBytes);
  return { storage, requests, egress, total: addMoney(addMoney(storage, requests), egress) };
}

/** Sums by currency, in the order of first use: amounts of two currencies are never added. */
export function totals(amounts: readonly Money[]): readonly Money[] {
  const sums = new Map<string, Money>();
  for (const amount of amounts)
    sums.set(amount.currency, addMoney(sums.get(amount.currency) ?? zero(amount.currency), amount));
  return [...sums.values()];
}

/** What a source costs to read from. */
export interface SourcePrice {
  readonly currency: string;
  readonly egressPerGb: string;
}

/**
 * Cheapest egress first among equally good sources; `rank` tells how good (lower is better) and is never overruled. A
 * store without a price is read for nothing. The order stays where prices are in several currencies.
 */
export function cheapestFirst(
  stores: readonly string[],
  rank: (store: string) => number,
  priceOf: (store: string) => SourcePrice | null,
): readonly string[] {
  const known = stores.flatMap((store) => priceOf(store)?.currency ?? []);
  const comparable = new Set(known).size === 1;
  const egress = (store: string) => decimalUnits(priceOf(store)?.egressPerGb ?? '0');
  const byPrice = (a: string, b: string): number => {
    const difference = comparable ? egress(a) - egress(b) : 0n;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  };
  return [...stores].sort((a, b) => rank(a) - rank(b) || byPrice(a, b));
}

const whole = (value: number): bigint => BigInt(Math.max(0, Math.round(value)));
