/** Watches the load of one database for as long as the config says so, and tells its backup how fast it may go. */
import {
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { LoadNews, LoadWatchState, PaceOrder, SampleLoadResult } from '../activities/load-types';
import { paceWord } from '../domain/pace';
import { loadCard } from './card-load';
import { endSignal, loadStatusQuery, probeNowSignal, setPaceSignal } from './messages';
import { Outbox } from './outbox';
import { loadWatches, records } from './proxies';
import { Rounds } from './rounds';

export interface LoadWatchInput {
  readonly database: string;
}

/** What is carried over when the history grows long. */
export interface LoadWatchCarried {
  readonly state: LoadWatchState | null;
  readonly untold: readonly LoadNews[];
  readonly recent: readonly LoadNews[];
}

/** Events of history that one run makes at most, about. */
const LONGEST_HISTORY = 2_000;
const SHOWN_NEWS = 10;
/** What the catalogue could not take is forgotten, the oldest first: the backup's own history has it. */
const MOST_UNTOLD = 500;

export async function loadWatch(input: LoadWatchInput, carried?: LoadWatchCarried): Promise<void> {
  const { database } = input;
  let state = carried?.state ?? null;
  let measureNow = false;
  let ended = false;
  let recent = carried?.recent ?? [];
  const rounds = new Rounds();

  setHandler(loadStatusQuery, () => state, { description: 'What is known of the load' });
  setHandler(
    probeNowSignal,
    () => {
      measureNow = true;
      rounds.interrupt();
    },
    { description: 'Measure at once: a backup begins, say' },
  );
  setHandler(
    endSignal,
    () => {
      ended = true;
      rounds.interrupt();
    },
    { description: 'The config watches the load no more' },
  );

  const outbox = new Outbox(carried?.untold ?? [], {
    record: (one: LoadNews) => records().announceLoad.executeWithOptions({ summary: summaryOf(one) }, [one]),
    failed: 'A change of pace could not be recorded, try again',
    most: MOST_UNTOLD,
  });

  while (!ended) {
    setCurrentDetails(loadCard(database, state, recent));
    const asked: boolean = measureNow;
    measureNow = false;
    const result: SampleLoadResult | null = await rounds.run(
      () =>
        loadWatches().sampleLoad.executeWithOptions({ summary: `Measure the load of ${database}` }, [
          { database, known: state, now: asked },
        ]),
      () => ended || measureNow,
    );
    if (result !== null) {
      state = result.state;
      if (result.order !== null) await give(result.order);
      const told = newsOf(database, result);
      recent = [...recent, ...told].slice(-SHOWN_NEWS);
      outbox.add(told);
    } else measureNow ||= asked;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (!ended && !measureNow && (continueAsNewSuggested || historyLength > LONGEST_HISTORY))
      await continueAsNew<typeof loadWatch>(input, { state, untold: outbox.left, recent });
  }
  setCurrentDetails(`**The load of \`${database}\` is watched no more**: the configuration does not say so.`);
  await outbox.settle();
}

/** A run that has ended needs no pace; it is told to that very run, never to the next of its id. */
async function give({ workflowId, runId, pace }: PaceOrder): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(setPaceSignal, pace);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

function newsOf(database: string, { state, order, raised }: SampleLoadResult): readonly LoadNews[] {
  const at = new Date(Date.now()).toISOString();
  const common = { database, at, backupId: state.backupId, reasons: state.reasons };
  return [
    ...(order === null ? [] : [{ ...common, pace: order.pace, alert: null }]),
    ...raised.map((alert) => ({ ...common, pace: null, alert })),
  ];
}

const summaryOf = ({ pace, alert }: LoadNews): string =>
  pace === null ? `Alert: ${alert?.text ?? ''}` : `Pace ${paceWord(pace)}: ${pace.reason}`;
