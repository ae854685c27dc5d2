/** People who use the shop: what they ask, how they are played, and how long each of their visits took. */

/** One visit to the shop. */
export interface Visit {
  /** When it was over. Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds. */
  readonly ms: number;
}

export interface TrafficSpec {
  readonly name: 'users' | 'rush';
  /** Connections. */
  readonly clients: number;
  /** Visits a second of all clients; null: each comes again at once. */
  readonly perSecond: number | null;
  /** At most so long. */
  readonly seconds: number;
}

export interface Traffic {
  /** Settles when it is over, by itself or because it was stopped. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
  /** All so far, in any order. */
  visits(): Promise<readonly Visit[]>;
}

export interface TrafficSource {
  /** For people: `pgbench 15.20`. */
  readonly name: string;
  start(spec: TrafficSpec): Promise<Traffic>;
}

/**
 * A visit: the last orders of a customer, and what a region spends. Nothing is written, so that what is restored can be compared
 * with the source to the last byte. `:customer` and `:region` are numbers of customers.
 */
export const VISIT = [
  `select o.id, o.placed_at, o.status, o.total, (select sum(i.quantity * i.price) from shop.order_items i where i.order_id = o.id)
 from shop.orders o where o.customer_id = :customer order by o.placed_at desc limit 20`,
  `select c.address ->> 'city', count(*), sum(c.credit) from shop.customers c
 where c.id between :region and :region + 6000 group by 1`,
] as const;

/** As pgbench takes it; a statement of a script stands on one line or ends with a semicolon. */
export const visitScript = (customers: number): string =>
  [
    `\\set customer random(1, ${customers})`,
    `\\set region random(1, ${Math.max(1, customers - 6_000)})`,
    ...VISIT.map((sql) => `${sql};`),
    '',
  ].join('\n');

/** The lines of pgbench's `--log`: client, number, microseconds, script, seconds of its end, microseconds of its end, lag. */
export function visitsOfLog(text: string): readonly Visit[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    // The last line may be half written; `skipped` and `failed` stand where the time does.
    if (fields.length < 6) return [];
    const [micros, seconds, rest] = [Number(fields[2]), Number(fields[4]), Number(fields[5])];
    if (![micros, seconds, rest].every(Number.isFinite) || seconds < 1) return [];
    return [{ at: seconds * 1_000 + rest / 1_000, ms: micros / 1_000 }];
  });
}
