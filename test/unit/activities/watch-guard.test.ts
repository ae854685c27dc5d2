import { MockActivityEnvironment } from '@temporalio/testing';
import type { Client } from '@temporalio/client';
import { DefaultLogger } from '@temporalio/worker';
import { guardWatch, type WatchGuard } from '../../../src/activities/watch-guard';
import type { ActivityDeps } from '../../../src/activities/deps';
import type { Catalog } from '../../../src/catalog/types';
import { DEFAULT_RULES } from '../../../src/domain/load/rules';
import { SIGNAL } from '../../../src/domain/messages';
import { FULL_PACE, LOAD_WATCH, type Pace } from '../../../src/domain/pace';
import { createGovernor } from '../../../src/load/create-governor';

type Stop = { since: Date; by: string; why: string };

/** The guard of a dump whose catalogue and Temporal answer as the test says. */
function guarded(
  pace: Pace,
  world: { readonly watched: boolean; stop: Stop | null; ageMs?: number; catalogUp?: boolean },
) {
  const told: { readonly run: string; readonly signal: string; readonly pace: Pace | undefined }[] = [];
  const client = {
    withAbortSignal: (_: AbortSignal, work: () => Promise<unknown>) => work(),
    withDeadline: (_: number, work: () => Promise<unknown>) => work(),
    workflow: {
      getHandle: (run: string) => ({
        signal: (signal: string, sent?: Pace) => Promise.resolve(void told.push({ run, signal, pace: sent })),
      }),
    },
  } as unknown as Client;
  let asked = 0;
  const deps = {
    catalog: async () => {
      asked += 1;
      if (world.catalogUp === false) throw new Error('the catalogue is down');
      return {
        standingStop: async () => world.stop,
        loadWatches: async () => [{ database: 'shop', at: new Date(), word: null, ageMs: world.ageMs ?? 0 }],
      } as unknown as Catalog;
    },
    load: { of: () => (world.watched ? { rules: { ...DEFAULT_RULES, silentAfterMs: 1 } } : null) },
  } as unknown as Pick<ActivityDeps, 'load' | 'catalog'>;
  const governor = createGovernor({ pace });
  const end = new AbortController();
  let guard: WatchGuard | null = null;
  new MockActivityEnvironment({}, { client, logger: new DefaultLogger('ERROR') })
    .run(() => {
      guard = guardWatch(deps, 'shop', governor, end.signal);
      return new Promise<void>((resolve) => end.signal.addEventListener('abort', () => resolve()));
    })
    .catch(() => undefined);
  return {
    governor,
    told,
    asked: () => asked,
    stop() {
      guard?.stop();
      end.abort();
    },
  };
}

const until = async (what: () => boolean) => {
  const endsAt = Date.now() + 20_000;
  while (!what()) {
    if (Date.now() > endsAt) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const word = (paused: boolean): Pace => ({
  ...FULL_PACE,
  paused,
  maxBytesPerSecond: 5e6,
  setBy: 'ana',
  reason: 'lunch',
  sequence: 3,
  until: Date.now() + 50,
});

test('where no load is watched, the end of the time that a person stated ends the word', async () => {
  const world = guarded(word(true), { watched: false, stop: null });
  await until(() => !world.governor.pace.paused);
  expect(world.governor.pace).toMatchObject({ maxBytesPerSecond: null, setBy: 'default' });
  await until(() => world.told.length > 0);
  expect(world.told[0]).toMatchObject({ signal: SIGNAL.setPace, pace: { paused: false } });
  world.stop();
});

test.each([
  ['where no load is watched', false, undefined],
  ['beside a watch that is silent', true, 60_000],
])('a pause for a time, asked for during an emergency stop, does not end the stop %s', async (_, watched, ageMs) => {
  const stop = { since: new Date(), by: 'bo', why: 'the site is down' };
  const world = guarded(word(true), { watched, stop, ageMs });
  await until(() => world.governor.pace.setBy === 'bo');
  expect(world.governor.pace).toMatchObject({ paused: true, reason: 'emergency stop by bo: the site is down' });
  await until(() => world.told.some(({ signal }) => signal === SIGNAL.setPace));
  world.stop();
});

test('while nobody can tell whether a stop stands, all stays as it is', async () => {
  const world = guarded(word(true), { watched: false, stop: null, catalogUp: false });
  await until(() => world.asked() > 0);
  expect(world.governor.pace).toMatchObject({ paused: true, setBy: 'ana' });
  world.stop();
});

test('a watch that is silent means the safe pace, and one that is heard means nothing', async () => {
  const slow: Pace = { ...FULL_PACE, setBy: LOAD_WATCH, sequence: 5, paused: true };
  const silent = guarded(slow, { watched: true, stop: null, ageMs: 60_000 });
  await until(() => !silent.governor.pace.paused);
  expect(silent.governor.pace).toMatchObject({ ...DEFAULT_RULES.safePace, setBy: 'default' });
  silent.stop();
});
