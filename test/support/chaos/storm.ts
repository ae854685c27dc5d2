/** Breaks stores at random, one after another and two at a time, until it is told to stop; then everything is whole again. */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from './dice';
import { damageFile, type ChaosStore } from './stores';

export interface StormEvent {
  readonly atMs: number;
  readonly store: string;
  readonly fault: string;
  readonly forMs: number | null;
}

export interface StormOptions {
  readonly stores: readonly ChaosStore[];
  readonly dice: Dice;
  /** Whether the segment of this name lies sound at a store other than this one: only then it may be damaged here. */
  readonly hasTwin: (object: string, store: string) => Promise<boolean>;
}

const SHORTEST_MS = 500;
const LONGEST_MS = 5_000;
const CALM_MS = 1_000;

export interface Storm {
  readonly events: readonly StormEvent[];
  /** Ends every fault; what is damaged stays damaged. */
  stop(): Promise<void>;
}

export function startStorm({ stores, dice, hasTwin }: StormOptions): Storm {
  const events: StormEvent[] = [];
  const ending = new AbortController();
  const broken = new Set<string>();
  const startedAt = performance.now();
  const note = (store: string, fault: string, forMs: number | null) =>
    events.push({ atMs: Math.round(performance.now() - startedAt), store, fault, forMs });
  const wait = (ms: number) => delay(ms, undefined, { signal: ending.signal }).catch(() => undefined);

  /** At least one store stays whole, so that there is something to go on with. */
  const breakOne = async () => {
    const whole = stores.filter(({ name }) => !broken.has(name));
    if (whole.length < 2) return;
    const store = dice.pick(whole);
    const fault = dice.pick(Object.keys(store.faults));
    const forMs = dice.between(SHORTEST_MS, LONGEST_MS);
    broken.add(store.name);
    note(store.name, fault, forMs);
    const mend = await store.faults[fault]!();
    try {
      await wait(forMs);
    } finally {
      await mend();
      broken.delete(store.name);
    }
  };
  const damageOne = async () => {
    const store = dice.pick(stores.filter(({ name, segments }) => segments !== null && !broken.has(name)));
    const files = await store.segments!();
    if (files.length === 0) return;
    const file = dice.pick(files);
    const object = path.basename(file);
    // An object is damaged at one store only, whichever its name says, so that a sound one is left.
    if (stores[parseInt(object.slice(0, 2), 16) % stores.length] !== store) return;
    if (!(await hasTwin(object, store.name))) return;
    const how = dice.pick(['flip', 'remove'] as const);
    await damageFile(file, how);
    note(store.name, how === 'flip' ? `bit flipped in ${object.slice(0, 8)}` : `${object.slice(0, 8)} removed`, null);
  };
  const forever = async (what: () => Promise<void>) => {
    while (!ending.signal.aborted) {
      await what();
      await wait(dice.between(0, CALM_MS));
    }
  };
  const running = Promise.all([forever(breakOne), forever(breakOne), forever(damageOne)]);
  return {
    events,
    async stop() {
      ending.abort();
      await running;
    },
  };
}
