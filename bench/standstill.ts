/**
 * What a backup costs in its middle: in turns of some seconds it goes on, and all of Holdfast stands still. Neighbouring seconds have the same
 * machine around them, so this tells small differences that times far apart cannot tell. Its first seconds and its last are not in it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { trimmedMean } from './around';
import type { IdleGroup } from './idle-group';
import { feltBetween, type Felt, type Transaction } from './pgbench';

/** Shorter than any heartbeat's timeout: nobody is taken for dead. */
const TURN_MS = 4_000;
/** What the turn before leaves behind. */
const SETTLE_MS = 200;

/** The backup went on from `from` to `still`, and stood still until `to`. Milliseconds since the epoch. */
export interface Turn {
  readonly from: number;
  readonly still: number;
  readonly to: number;
}

export interface Standstill {
  readonly pairs: number;
  /** How many times the p95 of the seconds in which it stood still: geometric mean of all pairs. */
  readonly ratio: number;
  /** Standard error of the ratio's logarithm. */
  readonly error: number;
  readonly going: Felt;
  readonly still: Felt;
}

/** Until aborted; lets all go on at the end, whatever happens. Only whole turns are returned. */
export async function takeTurns(group: IdleGroup, signal: AbortSignal): Promise<Turn[]> {
  const turns: Turn[] = [];
  try {
    while (!signal.aborted) {
      const from = Date.now();
      await sleep(TURN_MS, undefined, { signal });
      const still = Date.now();
      group.signal('SIGSTOP');
      await sleep(TURN_MS, undefined, { signal });
      group.signal('SIGCONT');
      turns.push({ from, still, to: Date.now() });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    group.signal('SIGCONT');
  }
  return turns;
}

/** null of less than two turns: they have no error. */
export function compareTurns(all: readonly Transaction[], turns: readonly Turn[]): Standstill | null {
  const going = turns.map(({ from, still }) => ({ from: from + SETTLE_MS, to: still }));
  const still = turns.map((turn) => ({ from: turn.still + SETTLE_MS, to: turn.to }));
  const logs = turns
    .map((_, index) => Math.log(feltBetween(all, [going[index]!]).p95 / feltBetween(all, [still[index]!]).p95))
    .filter(Number.isFinite);
  if (logs.length < 2) return null;
  const { mean, error } = trimmedMean(logs, 0);
  return {
    pairs: logs.length,
    ratio: Math.exp(mean),
    error,
    going: feltBetween(all, going),
    still: feltBetween(all, still),
  };
}
