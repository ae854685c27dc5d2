/** Watches one store for as long as the config names it, and tells those who wait for it when it is back. */
import {
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
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
import { Outbox } from './outbox';
import { records, watches } from './proxies';
import { Rounds } from './rounds';

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
  const rounds = new Rounds();
  let trial: Trial | null = null;

  setHandler(statusQuery, () => status, { description: 'What is known of the store' });
  setHandler(
    reportStoreSignal,
    (seen) => {
      // While nobody takes them they must not outgrow what an activity can be given; more of them say nothing new.
      if (reports.length >= MOST_REPORTS || reports.some(({ id }) => id === seen.id)) return;
      reports = [...reports, seen];
      rounds.interrupt();
    },
    { description: 'What a run saw of the store' },
  );
  setHandler(
    probeNowSignal,
    () => {
      probeNow = true;
      rounds.interrupt();
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
      rounds.interrupt();
    },
    { description: 'The config names the store no more' },
  );

  const outbox = new Outbox(carried?.untold ?? [], {
    record: (event: StoreEvent) =>
      records().announceStoreEvent.executeWithOptions({ summary: `${event.kind}: ${event.from} → ${event.to}` }, [
        event,
      ]),
    failed: 'An event could not be recorded, try again',
  });

  while (!ended) {
    setCurrentDetails(storeCard(input.store, status, recent, waiting.size));
    const taken = reports;
    const asked: boolean = probeNow;
    probeNow = false;
    const result: WatchResult | null = await rounds.run(
      () =>
        watches().watchStore.executeWithOptions({ summary: `Watch ${input.store}` }, [
          { store: input.store, status, reports: taken, probeNow: asked },
        ]),
      () => ended || probeNow,
    );
    if (result !== null) {
      reports = reports.slice(taken.length);
      const before: StoreStatus | null = status;
      status = result.status;
      recent = [...recent, ...result.events].slice(-SHOWN_EVENTS);
      outbox.add(result.events);
      if (before !== null && before.breaker.state !== 'closed' && status.breaker.state === 'closed')
        await tellAll(input.store, waiting);
    } else probeNow ||= asked;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (!ended && !probeNow && (continueAsNewSuggested || historyLength > LONGEST_HISTORY) && reports.length === 0)
      await continueAsNew<typeof storeHealth>(input, {
        status,
        waiting: [...waiting.values()],
        untold: outbox.left,
        recent,
        probeNow,
      });
  }
  setCurrentDetails(`**\`${input.store}\` is watched no more**: the configuration does not name it.`);
  await outbox.settle();
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
