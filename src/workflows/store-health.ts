/** Watches one store for as long as the config names it, and tells those who wait for it when it is back. */
import {
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { WatchResult } from '../activities/types';
import type { StoreWaiter } from '../domain/messages';
import type { Observation, StoreEvent, StoreStatus } from '../domain/store-watch';
import { mayTry, type Trial } from '../domain/breaker';
import { storeCard } from './card-store';
import {
  claimTrialUpdate,
  endSignal,
  probeNowSignal,
  registerSignal,
  reportStoreSignal,
  statusQuery,
  storeRecoveredSignal,
} from './messages';
import { records, watches } from './proxies';

export interface StoreHealthInput {
  readonly store: string;
}

/** What is carried over when the history grows long. */
export interface StoreHealthState {
  readonly status: StoreStatus | null;
  readonly waiting: readonly StoreWaiter[];
  readonly untold: readonly StoreEvent[];
  readonly recent: readonly StoreEvent[];
  /** Asked for, and not done yet. */
  readonly probeNow?: boolean;
}

/** Events of history that one run makes at most, about. */
const LONGEST_HISTORY = 2_000;
/** A watch that fails at once must not spin. */
const AFTER_FAILURE_MS = 30_000;
const SHOWN_EVENTS = 10;
const MOST_WAITING = 10_000;
const MOST_REPORTS = 200;

export async function storeHealth(input: StoreHealthInput, carried?: StoreHealthState): Promise<void> {
  let status = carried?.status ?? null;
  let reports: readonly Observation[] = [];
  let probeNow = carried?.probeNow ?? false;
  let ended = false;
  let recent = carried?.recent ?? [];
  const waiting = new Map((carried?.waiting ?? []).map((one) => [one.workflowId, one]));
  const untold: StoreEvent[] = [...(carried?.untold ?? [])];
  let telling = false;
  let current: CancellationScope | null = null;
  let trial: Trial | null = null;

  // News ends the watch that is under way; the next one begins with them.
  const news = () => current?.cancel();
  setHandler(statusQuery, () => status, { description: 'What is known of the store' });
  setHandler(
    reportStoreSignal,
    (seen) => {
      // While nobody takes them they must not outgrow what an activity can be given; more of them say nothing new.
      if (reports.length >= MOST_REPORTS || reports.some(({ id }) => id === seen.id)) return;
      reports = [...reports, seen];
      news();
    },
    { description: 'What a run saw of the store' },
  );
  setHandler(
    probeNowSignal,
    () => {
      probeNow = true;
      news();
    },
    { description: 'Probe at once' },
  );
  setHandler(
    registerSignal,
    (waiter) => {
      if (recoveredSince(status, waiter.failedAt)) void tellRecovered(input.store, waiter.workflowId);
      else if (waiting.size < MOST_WAITING || waiting.has(waiter.workflowId)) waiting.set(waiter.workflowId, waiter);
    },
    { description: 'Tell this run when the store is back' },
  );
  setHandler(
    claimTrialUpdate,
    (by) => {
      const since = status?.breakerSince ?? '';
      if (!mayTry(status?.breaker ?? null, trial, { by, since, at: Date.now() })) return false;
      trial = { by, since, at: Date.now() };
      return true;
    },
    { description: 'May this database try the store now?' },
  );
  setHandler(
    endSignal,
    () => {
      ended = true;
      news();
    },
    { description: 'The config names the store no more' },
  );

  /** Beside the watch: a catalogue that is down for an hour holds nothing up. */
  const announce = () => {
    if (telling || untold.length === 0) return;
    telling = true;
    void announceAll(untold).then(
      () => {
        telling = false;
        // What came in at the very end.
        announce();
      },
      () => void (telling = false),
    );
  };
  announce();

  while (!ended) {
    setCurrentDetails(storeCard(input.store, status, recent, waiting.size));
    const taken = reports;
    const asked: boolean = probeNow;
    probeNow = false;
    let result: WatchResult | null = null;
    const scope = new CancellationScope();
    current = scope;
    try {
      result = await scope.run(() =>
        watches().watchStore.executeWithOptions({ summary: `Watch ${input.store}` }, [
          { store: input.store, status, reports: taken, probeNow: asked },
        ]),
      );
    } catch (error) {
      // The run itself is cancelled: that is its end. News while no worker had the watch yet: begin it anew.
      if (!scope.consideredCancelled || CancellationScope.current().consideredCancelled) {
        if (isCancellation(error)) throw error;
        await condition(() => ended || probeNow, AFTER_FAILURE_MS, { summary: 'The watch failed, try again' });
      }
    } finally {
      current = null;
    }
    if (result !== null) {
      reports = reports.slice(taken.length);
      const before: StoreStatus | null = status;
      status = result.status;
      untold.push(...result.events);
      recent = [...recent, ...result.events].slice(-SHOWN_EVENTS);
      announce();
      if (before !== null && before.breaker.state !== 'closed' && status.breaker.state === 'closed')
        await tellAll(input.store, waiting);
    } else probeNow ||= asked;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (!ended && (continueAsNewSuggested || historyLength > LONGEST_HISTORY) && reports.length === 0)
      await continueAsNew<typeof storeHealth>(input, {
        status,
        waiting: [...waiting.values()],
        untold,
        recent,
        probeNow,
      });
  }
  setCurrentDetails(`**\`${input.store}\` is watched no more**: the configuration does not name it.`);
  await condition(() => untold.length === 0, AFTER_FAILURE_MS);
}

/** One after the other; each leaves the list when it is on record. */
async function announceAll(untold: StoreEvent[]): Promise<void> {
  for (let event = untold[0]; event !== undefined; event = untold[0]) {
    try {
      await records().announceStoreEvent.executeWithOptions({ summary: `${event.kind}: ${event.from} → ${event.to}` }, [
        event,
      ]);
      untold.shift();
    } catch (error) {
      if (isCancellation(error)) throw error;
      await sleep(AFTER_FAILURE_MS, { summary: 'An event could not be recorded, try again' });
    }
  }
}

/** It closed after the waiter had failed: it is back already. */
function recoveredSince(status: StoreStatus | null, failedAt: number): boolean {
  if (status === null || status.breaker.state !== 'closed') return false;
  return status.observations > 0 && Date.parse(status.breakerSince) > failedAt;
}

async function tellAll(store: string, waiting: Map<string, StoreWaiter>): Promise<void> {
  const ids = [...waiting.keys()];
  waiting.clear();
  await Promise.all(ids.map((id) => tellRecovered(store, id)));
}

/** One that has ended needs no telling. */
async function tellRecovered(store: string, workflowId: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(storeRecoveredSignal, store);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}
