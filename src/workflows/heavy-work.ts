/**
 * Keeps the places for heavy work of all workers: backups, proofs and restores ask here, and are told when it is their turn.
 * It needs no set-up: whoever asks starts it. What it knows can be lost: a new one asks the runs under way.
 */
import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  asked,
  ended,
  givenBack,
  NO_PLACES,
  settled,
  stoppedBy,
  viewOf,
  type HeavyAsk,
  type Places,
} from '../domain/load/places';
import { heavyCard } from './card-heavy';
import { askSignal, giveBackSignal, probeNowSignal, queueQuery, turnSignal } from './messages';
import { heavyLooks } from './proxies';

/** What is carried over when the history grows long. */
export interface HeavyWorkCarried {
  readonly places: Places;
  readonly sequence: number;
  readonly lookMs: number;
  readonly said: readonly (readonly [string, string])[];
}

/** Events of history that one run makes at most, about. */
const LONGEST_HISTORY = 2_000;
const FIRST_LOOK_MS = 60_000;
/** Somebody who has to wait has the others looked at, but not oftener than this. */
const SOON_MS = 5_000;
/** With nobody to keep places for it ends; whoever asks next starts another. */
const IDLE_MS = 24 * 3_600_000;
const MOST_WAITING = 1_000;

export async function heavyWork(_input: object, carried?: HeavyWorkCarried): Promise<void> {
  let places = carried?.places ?? NO_PLACES;
  // Of one that knows nothing of an earlier one's, above all that was said before.
  let sequence = carried?.sequence ?? Date.now() * 1_000;
  let lookMs = carried?.lookMs ?? FIRST_LOOK_MS;
  /** Whether it is known who holds places already. */
  let ready = carried !== undefined;
  let lookNow = false;
  let lookedAt = 0;
  let telling = 0;
  /** What each of those who wait was told last, by asking. */
  const said = new Map<string, string>(carried?.said ?? []);
  const nobody = () => places.running.length + places.waiting.length === 0;

  const tell = (ask: HeavyAsk, granted: boolean, text: string): void => {
    sequence += 1;
    telling += 1;
    const turn = { askedAt: ask.askedAt, sequence, granted, text };
    void getExternalWorkflowHandle(ask.id, ask.runId)
      .signal(turnSignal, turn)
      .catch((error: unknown) => {
        // It has ended; its place is another's.
        if (!isCancellation(error)) change(ended(places, [ask]));
      })
      .finally(() => void (telling -= 1));
  };

  /** Those whose turn it is are told at once; of the others whoever stands behind somebody else now. */
  const change = (next: Places): void => {
    places = next;
    if (!ready) return;
    const result = settled(places, Date.now());
    places = result.places;
    for (const one of result.starts) tell(one, true, 'it is its turn');
    const waiting = viewOf(places).waiting;
    for (const one of waiting) if (said.get(keyOf(one)) !== one.text) tell(one, false, one.text);
    said.clear();
    for (const one of waiting) said.set(keyOf(one), one.text);
    setCurrentDetails(heavyCard(viewOf(places)));
  };

  setHandler(queueQuery, () => viewOf(places), { description: 'Who does heavy work, and who waits for it' });
  setHandler(
    askSignal,
    (message) => {
      ({ lookMs } = message);
      const { ask, atMost, stop = places.stop } = message;
      if (places.waiting.length >= MOST_WAITING) return;
      const known = places.running.find(
        ({ id, runId, askedAt }) => id === ask.id && runId === ask.runId && askedAt === ask.askedAt,
      );
      // Whatever it was told got lost: it is told again.
      said.delete(keyOf(ask));
      change(asked(stoppedBy({ ...places, atMost }, stop), ask));
      if (known !== undefined && places.running.includes(known)) tell(known, true, 'it is its turn');
      // It waits: perhaps for one that has ended unheard.
      if (places.waiting.some(({ id }) => id === ask.id) && Date.now() - lookedAt > SOON_MS) lookNow = true;
    },
    { description: 'A run asks for a place' },
  );
  setHandler(giveBackSignal, (ref) => change(givenBack(places, ref)), {
    description: 'A run needs its place no longer',
  });
  setHandler(probeNowSignal, () => void (lookNow = true), {
    description: 'Look at once: an emergency stop begins or ends, say',
  });

  const look = async (): Promise<void> => {
    lookNow = false;
    lookedAt = Date.now();
    const fresh = !ready;
    const runs = [...places.running, ...places.waiting].map(({ id, runId }) => ({ id, runId }));
    try {
      const seen = await heavyLooks().lookAtHeavyWork.executeWithOptions(
        { summary: fresh ? 'Who does heavy work?' : 'Who has ended unheard?' },
        [{ runs, fresh }],
      );
      let next = stoppedBy(ended(places, seen.ended), seen.stop === undefined ? places.stop : seen.stop);
      // Those that asked meanwhile know better than what was found.
      const unknown = (one: HeavyAsk) => ![...next.running, ...next.waiting].some(({ id }) => id === one.id);
      next = { ...next, running: [...next.running, ...seen.found.running.filter(unknown)] };
      next = { ...next, waiting: [...next.waiting, ...seen.found.waiting.filter(unknown)] };
      ready = true;
      change(next);
    } catch (error) {
      if (isCancellation(error)) throw error;
      ready = true;
      change(places);
    }
  };

  setCurrentDetails(heavyCard(viewOf(places)));
  if (!ready) await look();
  for (;;) {
    const idle = nobody();
    const news = await condition(() => lookNow || nobody() !== idle, idle ? IDLE_MS : lookMs, {
      summary: idle ? 'Nobody does heavy work' : 'Until the next look at those who do',
    });
    if (lookNow || (!news && !idle)) await look();
    if (!news && nobody() && idle) {
      await condition(() => telling === 0);
      if (nobody()) return;
    }
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (continueAsNewSuggested || historyLength > LONGEST_HISTORY) {
      await condition(() => telling === 0);
      if (!lookNow) await continueAsNew<typeof heavyWork>({}, { places, sequence, lookMs, said: [...said] });
    }
  }
}

const keyOf = ({ id, runId, askedAt }: HeavyAsk) => `${id}/${runId}/${askedAt}`;
