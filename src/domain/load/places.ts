/**
 * The places for heavy work: who holds one, who waits, and what a message changes. Plain data, so that it is carried from run to
 * run of the workflow that keeps it. Every message may be doubled or late.
 */
import { queueOf, type HeavyOperation, type QueuePlace } from './queue';

/** A run that asks for a place. */
export interface HeavyAsk extends Omit<HeavyOperation, 'heldBack'> {
  /** Of the run that asks: ids are used again, by one run after the other. */
  readonly runId: string;
}

export interface HeldPlace extends HeavyAsk {
  /** Since when it holds its place. Milliseconds since the epoch. */
  readonly since: number;
}

export interface Places {
  readonly atMost: number;
  /** Why nothing but restores may begin, and no proof goes on ("an emergency stop by ana"); null = nothing. */
  readonly stop: string | null;
  readonly running: readonly HeldPlace[];
  readonly waiting: readonly HeavyAsk[];
}

export type AskRef = Pick<HeavyAsk, 'id' | 'runId' | 'askedAt'>;

/** As people and programs see it. */
export interface HeavyQueue {
  readonly atMost: number;
  readonly stop: string | null;
  readonly running: readonly HeldPlace[];
  /** In order. */
  readonly waiting: readonly (HeavyAsk & { readonly place: number; readonly text: string })[];
}

/** How a run stands with its place: its answer when the keeper of places has lost what it knew. */
export interface OwnPlace {
  readonly state: 'none' | 'waits' | 'holds';
  /** Null where it never asked. */
  readonly ask: HeavyAsk | null;
}

/** What an asking carries beside the ask itself: what the config says, as the worker that asks has it. */
export interface AskMessage {
  readonly ask: HeavyAsk;
  readonly atMost: number;
  /** Absent: whether a stop stands could not be found out. */
  readonly stop?: string | null;
  /** How often those who hold or wait are looked at. Milliseconds. */
  readonly lookMs: number;
}

export const NO_PLACES: Places = { atMost: 1, stop: null, running: [], waiting: [] };

const sameAsk = (a: AskRef, b: AskRef) => a.id === b.id && a.runId === b.runId && a.askedAt === b.askedAt;

/**
 * A run asks, or asks again. One that is known stays where it is. What else is known under its id is over: Temporal has one
 * open run of an id; of two the later asking counts.
 */
export function asked(places: Places, ask: HeavyAsk): Places {
  const known = [...places.running, ...places.waiting].find(({ id }) => id === ask.id);
  if (known !== undefined && (sameAsk(known, ask) || known.askedAt > ask.askedAt)) return places;
  const others = without(places, (one) => one.id === ask.id);
  return { ...others, waiting: [...others.waiting, ask] };
}

/** A run needs its place no longer, or does not want one any more. */
export function givenBack(places: Places, { id, runId, askedAt }: AskRef): Places {
  return without(places, (one) => one.id === id && one.runId === runId && one.askedAt <= askedAt);
}

/** These runs have ended, however they did. */
export function ended(places: Places, runs: readonly Pick<AskRef, 'id' | 'runId'>[]): Places {
  return without(places, (one) => runs.some(({ id, runId }) => one.id === id && one.runId === runId));
}

/** Proofs lose their places when a stop begins, and keep their turn; backups hold theirs, standing still. */
export function stoppedBy(places: Places, stop: string | null): Places {
  if (stop === null) return { ...places, stop };
  const lost = places.running.filter(({ kind }) => kind === 'verify');
  return {
    ...places,
    stop,
    running: places.running.filter(({ kind }) => kind !== 'verify'),
    waiting: [...places.waiting, ...lost.map(plainAsk)],
  };
}

/** Everybody whose turn it is gets a place. */
export function settled(
  places: Places,
  now: number,
): { readonly places: Places; readonly starts: readonly HeldPlace[] } {
  const starts = linesOf(places)
    .filter((line) => line.starts)
    .map(({ operation: { id } }) => ({ ...places.waiting.find((one) => one.id === id)!, since: now }));
  const left = places.waiting.filter(({ id }) => !starts.some((one) => one.id === id));
  return { places: { ...places, running: [...places.running, ...starts], waiting: left }, starts };
}

export function viewOf(places: Places): HeavyQueue {
  const waiting = linesOf(places).map(({ operation: { id }, place, text }) => ({
    ...places.waiting.find((one) => one.id === id)!,
    place,
    text,
  }));
  return { atMost: places.atMost, stop: places.stop, running: places.running, waiting };
}

const plainAsk = ({ id, runId, kind, database, priority, askedAt }: HeavyAsk): HeavyAsk => ({
  id,
  runId,
  kind,
  database,
  priority,
  askedAt,
});

function linesOf({ running, waiting, atMost, stop }: Places): readonly QueuePlace[] {
  const held = waiting.map((ask): HeavyOperation => ({ ...ask, heldBack: ask.kind === 'restore' ? null : stop }));
  return queueOf(
    held,
    running.map((one) => ({ ...one, heldBack: null })),
    atMost,
  );
}

function without(places: Places, gone: (one: HeavyAsk) => boolean): Places {
  const running = places.running.filter((one) => !gone(one));
  const waiting = places.waiting.filter((one) => !gone(one));
  if (running.length === places.running.length && waiting.length === places.waiting.length) return places;
  return { ...places, running, waiting };
}
