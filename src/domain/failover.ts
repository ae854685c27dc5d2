/** Which stores a dump goes to when the breakers of some are open, and what is said of it. Pure. */
import type { BreakerState } from './breaker';
import type { StoreRole } from './names';

/** What is known of a store when a run is admitted. */
export interface KnownStore {
  readonly name: string;
  readonly role: StoreRole;
  /** null: nothing is known, so it is tried. */
  readonly breaker: BreakerState | null;
  /** ISO time since when the breaker is so. */
  readonly since: string | null;
  /** The last error as `CODE: message`; null when there is none. */
  readonly error: string | null;
}

export interface LeftOut {
  readonly store: string;
  readonly detail: string;
}

/** The dump goes on with `to` in place of `from`; back again when `from` was the one that stood in. */
export interface Failover {
  /** The primary store. */
  readonly store: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export interface DumpStores {
  /** In the order given. */
  readonly stores: readonly string[];
  readonly left: readonly LeftOut[];
  readonly notices: readonly string[];
  readonly failover: Failover | null;
}

/**
 * Leaves out the stores whose breaker is open; where that would leave none, all are tried. `standIn` is the store that
 * stood in for the primary at the last dump, null when the primary took part.
 */
export function chooseDumpStores(known: readonly KnownStore[], standIn: string | null): DumpStores {
  const open = known.filter(({ breaker }) => breaker === 'open');
  const primary = known.find(({ role }) => role === 'primary');
  if (open.length === 0 || open.length === known.length) {
    const stores = known.map(({ name }) => name);
    const notices =
      open.length === 0 ? [] : [`the breaker of every store is open (${stores.join(', ')}): all of them are tried`];
    // All tried is no proof that the primary is back.
    return { stores, left: [], notices, failover: open.length === 0 ? returned(primary, standIn) : null };
  }
  const stores = known.filter((store) => !open.includes(store)).map(({ name }) => name);
  const left = open.map(({ name, since, error }) => ({
    store: name,
    detail: `left out of the dump: its breaker is open${since === null ? '' : ` since ${since}`}${error === null ? '' : ` (${error})`}`,
  }));
  const notices = open.map(({ name, role, since, error }) => {
    const what = role === 'primary' ? `primary ${name}` : name;
    const why = error === null ? '' : ` (${error})`;
    return `${what} is down${since === null ? '' : ` since ${since}`}${why}: the dump goes to ${stores.join(', ')}; ${name} is filled when it is back`;
  });
  if (primary === undefined || !open.includes(primary))
    return { stores, left, notices, failover: returned(primary, standIn) };
  const reason = notices[open.indexOf(primary)]!;
  const failover =
    standIn === stores[0] ? null : { store: primary.name, from: standIn ?? primary.name, to: stores[0]!, reason };
  return { stores, left, notices, failover };
}

function returned(primary: KnownStore | undefined, standIn: string | null): Failover | null {
  if (primary === undefined || standIn === null || standIn === primary.name) return null;
  const reason = `primary ${primary.name} takes part in dumps again`;
  return { store: primary.name, from: standIn, to: primary.name, reason };
}
