/** What was seen of an outage: whether it went as promised, and how it went in order of time. Pure. */
import type { StoreEvent } from '../../domain/store-watch';
import type { DemoBackup } from './result';

/** Part of the JSON object that `npm run demo -- --outage --json` ends with. ISO times. */
export interface DemoOutage {
  readonly store: string;
  readonly downAt: string;
  /** null while it is down. */
  readonly upAt: string | null;
  /** Copies of those wanted, as the catalogue had them one after the other while it was watched: `2/3`, then `3/3`. */
  readonly statesSeen: readonly string[];
  /** How often PostgreSQL was read for this backup, by the histories of its runs; null until that was looked up. */
  readonly dumps: number | null;
  /** What the catalogue keeps of the backup's compliance, oldest first. */
  readonly compliance: readonly {
    readonly at: string;
    readonly state: string;
    readonly proved: number;
    readonly compliant: boolean;
  }[];
}

/** What is missing from an outage that was survived as promised. Empty when nothing is. */
export function outageFaults(
  outage: DemoOutage | null,
  backup: Pick<DemoBackup, 'copies'> | undefined,
  stores: readonly string[],
): readonly string[] {
  if (outage === null) return ['no store was taken down'];
  if (outage.upAt === null) return [`${outage.store} was not brought back`];
  const { store, downAt, upAt, statesSeen, dumps, compliance } = outage;
  const { without, whole } = statesOf(stores);
  const faults: string[] = [];
  const atWithout = statesSeen.indexOf(without);
  if (atWithout < 0) faults.push(`${without} was never seen`);
  else if (statesSeen.indexOf(whole, atWithout) < 0) faults.push(`${whole} was not seen after ${without}`);
  if (statesSeen.at(-1) !== whole) faults.push(`it ended with ${statesSeen.at(-1) ?? 'nothing'}`);
  const within = (at: string) => time(at) >= time(downAt) && time(at) <= time(upAt);
  if (!compliance.some(({ at, state }) => state === without && within(at)))
    faults.push(`the catalogue has no ${without} while ${store} was down`);
  if (!compliance.some(({ at, state, compliant }) => state === whole && compliant && time(at) >= time(upAt)))
    faults.push(`the catalogue has no ${whole} after ${store} was back`);
  if (dumps !== 1) faults.push(`PostgreSQL was read ${dumps ?? 'an unknown number of'} times`);
  for (const name of stores) {
    const copy = backup?.copies.find((one) => one.store === name);
    if (copy?.grade !== 'exact') faults.push(`the copy at ${name} is ${copy?.state ?? 'absent'}, not proved exact`);
  }
  return faults;
}

/** How many copies there are while one store is down, and when all have theirs, as compliance is written. */
export function statesOf(stores: readonly string[]): { readonly without: string; readonly whole: string } {
  const { length } = stores;
  return { without: `${length - 1}/${length}`, whole: `${length}/${length}` };
}

export interface TimelineFacts {
  readonly outage: DemoOutage;
  /** Share of the dump, 0 to 1, at the moment the store went down; null when not known. */
  readonly share: number | null;
  /** ISO time at which the run ended well, and what its search attribute said. */
  readonly run: { readonly endedAt: string; readonly copies: string };
  readonly proofs: readonly { readonly store: string; readonly grade: string | null; readonly at: string }[];
  /** Of the watch of the store since it went down, oldest first. */
  readonly events: readonly Pick<StoreEvent, 'at' | 'kind' | 'from' | 'to'>[];
}

/** One line an event, oldest first: `16:10:03   +12.0 s  what`. */
export function timeline({ outage, share, run, proofs, events }: TimelineFacts): readonly string[] {
  const { store, downAt, upAt, compliance } = outage;
  const entries: { readonly at: string; readonly what: string }[] = [
    {
      at: downAt,
      what: `${store} goes down${share === null ? '' : ` with ${Math.round(share * 100)} % of the dump read`}: its server is killed`,
    },
    { at: run.endedAt, what: `the run ends well, with ${run.copies} copies` },
    ...(upAt === null ? [] : [{ at: upAt, what: `${store} is back: its server is started again` }]),
    // A row that only counts one more proof says what the proof itself says.
    ...compliance
      .filter(({ state }, index) => state !== compliance[index - 1]?.state)
      .map(({ at, state, compliant }) => ({
        at,
        what: `${state} copies, the policy is ${compliant ? 'met' : 'not met'}`,
      })),
    ...proofs.map(({ at, store: name, grade }) => ({
      at,
      what: `the copy at ${name} is proved ${grade ?? 'nothing'}`,
    })),
    ...events
      .filter(({ kind, from, to }) => kind !== 'failover' && !isTrial(from, to))
      .map(({ at, kind, from, to }) => ({
        at,
        what: `the watch of ${store}: ${kind === 'breaker' ? 'its breaker is ' : ''}${to}, was ${from}`,
      })),
  ];
  // Sorting is stable: what happened in the same millisecond stays in the order above.
  return entries
    .sort((a, b) => time(a.at) - time(b.at))
    .map(({ at, what }) => `${clock(at)}  ${after(time(at) - time(downAt)).padStart(8)}  ${what}`);
}

/** An open breaker lets one request through now and then; a trial that fails is no news. */
const isTrial = (from: string, to: string) => to === 'half-open' || (from === 'half-open' && to === 'open');
const time = (at: string) => Date.parse(at);
const clock = (at: string) => new Date(at).toISOString().slice(11, 19);
const after = (ms: number) => `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1000).toFixed(1)} s`;
