/** Watches a store: probes it at each interval, and tells when something about it changes. */
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { orchestrationError } from '../errors/orchestration';
import { isHoldfastError } from '../errors/holdfast-error';
import {
  atTime,
  observe,
  probeDueAt,
  untriedStatus,
  type Observation,
  type StoreStatus,
  type Watched,
} from '../domain/store-watch';
import type { ActivityDeps } from './deps';
import { WATCH_INTERVAL_MS, withHeartbeat, type Beat } from './heartbeat';
import { inTime } from './in-time';
import type { HoldfastActivities, WatchInput, WatchResult } from './types';

type WatchDeps = Pick<ActivityDeps, 'health' | 'catalog'>;

/** Then it returns although nothing changed, so that the workflow's card is never older. */
const LONGEST_WATCH_MS = 3_600_000;
/** A catalogue that answers later than this is not waited for: the next probe writes a newer row. */
const CATALOG_PATIENCE_MS = 3_000;

export function createWatchActivities(deps: WatchDeps): Pick<HoldfastActivities, 'watchStore'> {
  return {
    watchStore: (input) => {
      const known = Context.current().info.heartbeatDetails as WatchResult | null | undefined;
      return withHeartbeat((beat) => watch(deps, resumed(input, known ?? null), beat), {
        everyMs: WATCH_INTERVAL_MS,
      });
    },
  };
}

type Resumed = WatchInput & { readonly untold: WatchResult['events'] };

/** An attempt that died had seen more than the workflow knows; what it had found and could not tell is told now. */
function resumed(input: WatchInput, known: WatchResult | null): Resumed {
  if (known === null || known.status.observations < (input.status?.observations ?? 0)) return { ...input, untold: [] };
  return { ...input, status: known.status, untold: known.events };
}

async function watch(deps: WatchDeps, input: Resumed, beat: Beat): Promise<WatchResult> {
  const { limits } = deps.health;
  const endsAt = performance.now() + LONGEST_WATCH_MS;
  const cancelled = Context.current().cancellationSignal;
  let { probeNow } = input;
  let now: WatchResult = { status: input.status ?? untriedStatus(input.store, Date.now()), events: input.untold };
  const take = ({ status, events }: Watched) => {
    now = { status, events: [...now.events, ...events] };
    beat.report(now);
  };
  beat.report(now);
  for (const report of input.reports) take(observe(now.status, report, limits));
  if (input.reports.length > 0) await save(deps, now.status);
  try {
    while (now.events.length === 0 && performance.now() < endsAt) {
      take(atTime(now.status, Date.now(), limits));
      const waitMs = probeNow ? 0 : probeDueAt(now.status, Date.now(), limits) - Date.now();
      if (waitMs > 0) {
        await delay(Math.min(waitMs, endsAt - performance.now()), undefined, { signal: beat.signal });
        continue;
      }
      probeNow = false;
      take(observe(now.status, await probe(deps, input.store, beat.signal), limits));
      await save(deps, now.status);
    }
  } catch (error) {
    // Cancelled means that there is news for the watch: what it knows goes back with the answer. A stopping worker hands over.
    const asked = cancelled.aborted && Context.current().cancellationDetails?.workerShutdown !== true;
    if (!beat.signal.aborted || !asked || isStale(beat.signal.reason)) throw error;
  }
  if (now.events.length > 0) await save(deps, now.status);
  return now;
}

const isStale = (reason: unknown) => isHoldfastError(reason, 'RUN_ATTEMPT_STALE');

async function probe({ health }: WatchDeps, store: string, signal: AbortSignal): Promise<Observation> {
  const { ok, latencyMs, code, message, hint } = await health.probe(store, signal);
  const at = Date.now();
  const fault = code === null ? null : { code, message, hint };
  return { id: `probe/${at}`, source: 'probe', at, ok, latencyMs, fault };
}

/** Whether it works or not, the watch goes on. */
async function save(deps: WatchDeps, status: StoreStatus): Promise<void> {
  const saving = deps.catalog().then((catalog) => catalog.saveStoreHealth(status, new Date()));
  try {
    await inTime(saving, CATALOG_PATIENCE_MS, () =>
      orchestrationError('RUN_RECORD_LATE', '', { context: { store: status.store } }),
    );
  } catch (error) {
    deps.health.log('warn', 'what is known of the store could not be written to the catalogue', {
      store: status.store,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

export function createStoreEventActivities(deps: WatchDeps): Pick<HoldfastActivities, 'announceStoreEvent'> {
  return {
    async announceStoreEvent(event) {
      const { store, kind, from, to, reason, code, database, at } = event;
      const { log, listeners } = deps.health;
      const bad = to === 'down' || to === 'degraded' || to === 'open' || (kind === 'failover' && to !== store);
      log(bad ? 'warn' : 'info', `store ${store}: ${kind} ${from} → ${to}`, { store, reason, code, database });
      const catalog = await deps.catalog();
      const isNew = await catalog.addStoreEvent(event);
      if (isNew)
        await catalog.audit({
          actor: kind === 'failover' ? 'backup' : 'storeHealth',
          action: `store.${kind}`,
          ...(database === null ? {} : { database }),
          details: { store, from, to, reason, ...(code === null ? {} : { code }) },
          at: new Date(at),
        });
      for (const listener of listeners) await listener(event);
    },
  };
}
