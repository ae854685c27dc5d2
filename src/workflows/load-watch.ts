/** Watches the load of one database for as long as the config says so, and tells its backup how fast it may go. */
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
import type { LoadNews, LoadWatchState, PaceOrder, SampleLoadResult } from '../activities/load-types';
import { paceWord } from '../domain/pace';
import { loadCard } from './card-load';
import { endSignal, loadStatusQuery, probeNowSignal, setPaceSignal } from './messages';
import { loadWatches, records } from './proxies';

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
/** A watch that fails at once must not spin. */
const AFTER_FAILURE_MS = 30_000;
const SHOWN_NEWS = 10;
/** What the catalogue could not take is forgotten, the oldest first: the backup's own history has it. */
const MOST_UNTOLD = 500;

export async function loadWatch(input: LoadWatchInput, carried?: LoadWatchCarried): Promise<void> {
  const { database } = input;
  let state = carried?.state ?? null;
  let measureNow = false;
  let ended = false;
  let recent = carried?.recent ?? [];
  let untold: readonly LoadNews[] = carried?.untold ?? [];
  let telling = false;
  let current: CancellationScope | null = null;

  // News ends the round that is under way; the next one begins with them.
  const news = () => current?.cancel();
  setHandler(loadStatusQuery, () => state, { description: 'What is known of the load' });
  setHandler(
    probeNowSignal,
    () => {
      measureNow = true;
      news();
    },
    { description: 'Measure at once: a backup begins, say' },
  );
  setHandler(
    endSignal,
    () => {
      ended = true;
      news();
    },
    { description: 'The config watches the load no more' },
  );

  /** Beside the watch: a catalogue that is down for an hour holds nothing up. */
  const announce = () => {
    if (telling || untold.length === 0) return;
    telling = true;
    void tellAll().then(
      () => {
        telling = false;
        announce();
      },
      () => void (telling = false),
    );
  };
  const tellAll = async () => {
    for (let one = untold[0]; one !== undefined; one = untold[0]) {
      try {
        await records().announceLoad.executeWithOptions({ summary: summaryOf(one) }, [one]);
        untold = untold.filter((other) => other !== one);
      } catch (error) {
        if (isCancellation(error)) throw error;
        await sleep(AFTER_FAILURE_MS, { summary: 'A change of pace could not be recorded, try again' });
      }
    }
  };
  announce();

  while (!ended) {
    setCurrentDetails(loadCard(database, state, recent));
    const asked: boolean = measureNow;
    measureNow = false;
    let result: SampleLoadResult | null = null;
    const scope = new CancellationScope();
    current = scope;
    try {
      result = await scope.run(() =>
        loadWatches().sampleLoad.executeWithOptions({ summary: `Measure the load of ${database}` }, [
          { database, known: state, now: asked },
        ]),
      );
    } catch (error) {
      // The run itself is cancelled: that is its end. News while no worker had the watch yet: begin it anew.
      if (!scope.consideredCancelled || CancellationScope.current().consideredCancelled) {
        if (isCancellation(error)) throw error;
        await condition(() => ended || measureNow, AFTER_FAILURE_MS, { summary: 'The watch failed, try again' });
      }
    } finally {
      current = null;
    }
    if (result !== null) {
      state = result.state;
      if (result.order !== null) await give(result.order);
      const told = newsOf(database, result);
      untold = [...untold, ...told].slice(-MOST_UNTOLD);
      recent = [...recent, ...told].slice(-SHOWN_NEWS);
      announce();
    } else measureNow ||= asked;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (!ended && (continueAsNewSuggested || historyLength > LONGEST_HISTORY))
      await continueAsNew<typeof loadWatch>(input, { state, untold, recent });
  }
  setCurrentDetails(`**The load of \`${database}\` is watched no more**: the configuration does not say so.`);
  await condition(() => untold.length === 0, AFTER_FAILURE_MS);
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
