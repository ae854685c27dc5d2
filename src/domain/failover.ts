/** Which stores a dump goes to when the breakers of some are open, and what is said of it. Pure. */
import type { BreakerState } from './breaker';
import type { StoreRole } from './names';

/** What is known of a store when a run is admitted. */
export interface KnownStore {
  readonly name: string;
  readonly role: StoreRole;
  /** null: nothing is known, so it is tried. */
  readonly breaker: BreakerState | null;
  /** Half-open: another run is its trial already. */
  readonly onTrial?: boolean;
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
  /** In the order given; all of them when `blocked`. */
  readonly stores: readonly string[];
  /** Those of `stores` whose breaker is half-open: the dump is their trial. */
  readonly trials: readonly string[];
  readonly left: readonly LeftOut[];
  readonly notices: readonly string[];
  readonly failover: Failover | null;
  /** The store that stands in for the primary in this dump; null: the primary takes part, or there is none. */
  readonly standIn: string | null;
  /** Why no store can be used now; null when one can. */
  readonly blocked: string | null;
}

/** Which store leads the dump of a run: where the next failover starts from. */
export interface Lead {
  readonly primary: string;
  /** The store that stands in for it in this dump; null: the primary takes part. */
  readonly standIn: string | null;
}

/**
 * Leaves out the stores whose breaker is open, and half-open ones that another run tries; where that would leave none, the
 * dump is to wait. `standIn` is the store that stood in for the primary at the last dump, null when the primary took part.
 */
export function chooseDumpStores(known: readonly KnownStore[], standIn: string | null): DumpStores {
  const away = known.filter((store) => store.breaker === 'open' || isTriedByOthers(store));
  const primary = known.find(({ role }) => role === 'primary');
  const nothing = { left: [], trials: [], notices: [], failover: null, standIn, blocked: null };
  if (away.length > 0 && away.length === known.length) {
    const stores = known.map(({ name }) => name);
    const each = away.map((store) => `${store.name}: ${stateOf(store)}`);
    return { ...nothing, stores, blocked: `no store can be used (${each.join('; ')})` };
  }
  const taken = known.filter((store) => !away.includes(store));
  const stores = taken.map(({ name }) => name);
  const trials = taken.filter(({ breaker }) => breaker === 'half-open').map(({ name }) => name);
  const left = away.map((store) => ({ store: store.name, detail: `left out of the dump: its ${stateOf(store)}` }));
  const notices = away.map((store) => {
    const what = store.role === 'primary' ? `primary ${store.name}` : store.name;
    return `${what} is left out, its ${stateOf(store)}: the dump goes to ${stores.join(', ')}; ${store.name} is filled when it is back`;
  });
  const chosen = { ...nothing, stores, trials, left, notices };
  if (primary === undefined) return { ...chosen, standIn: null };
  // A primary on trial is back when its breaker has closed.
  if (!away.includes(primary))
    return primary.breaker === 'half-open'
      ? chosen
      : { ...chosen, standIn: null, failover: returned(primary, standIn) };
  const [to] = stores as [string];
  if (standIn === to) return chosen;
  const reason = notices[away.indexOf(primary)]!;
  return { ...chosen, standIn: to, failover: { store: primary.name, from: standIn ?? primary.name, to, reason } };
}

/** The primary was lost while the dump went on: the next store that has the backup stands in. */
export function failoverDuring(
  lead: Lead,
  dump: {
    readonly committed: readonly string[];
    readonly behind: readonly { readonly store: string; readonly code: string; readonly message: string }[];
  },
): Failover | null {
  const { primary, standIn } = lead;
  const lost = dump.behind.find(({ store }) => store === primary);
  const [to] = dump.committed;
  if (standIn !== null || lost === undefined || to === undefined || dump.committed.includes(primary)) return null;
  const reason = `primary ${primary} fell behind during the dump (${lost.code}: ${lost.message}): it went on with ${dump.committed.join(', ')}; ${primary} is filled when it is back`;
  return { store: primary, from: primary, to, reason };
}

const isTriedByOthers = ({ breaker, onTrial }: KnownStore) => breaker === 'half-open' && onTrial === true;

function stateOf({ breaker, since, error }: KnownStore): string {
  const state = breaker === 'open' ? 'breaker is open' : 'breaker is half-open and another run tries it';
  return `${state}${since === null ? '' : ` since ${since}`}${error === null ? '' : ` (${error})`}`;
}

function returned(primary: KnownStore, standIn: string | null): Failover | null {
  if (standIn === null || standIn === primary.name) return null;
  const reason = `primary ${primary.name} takes part in dumps again`;
  return { store: primary.name, from: standIn, to: primary.name, reason };
}
