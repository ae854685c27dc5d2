import { openBreakers, restingStores } from '../../../src/activities/resting';
import type { StoreHealthRow } from '../../../src/catalog/types';
import { openableStores } from '../../../src/activities/copies';
import type { BreakerState } from '../../../src/domain/breaker';
import { DEFAULT_WATCH_LIMITS, freshForMs, untriedStatus } from '../../../src/domain/store-watch';

const NOW = Date.UTC(2026, 10, 21, 9);
const row = (store: string, state: BreakerState, ageMs = 1_000, now = NOW): StoreHealthRow => {
  const status = untriedStatus(store, now - ageMs);
  const lastFault = { code: 'STORE_UNREACHABLE', message: 'no route', hint: '', at: status.since };
  return {
    store,
    status: { ...status, breaker: { ...status.breaker, state, openedAt: now - ageMs }, lastFault },
    updatedAt: new Date(now - ageMs),
  };
};

test('only a store whose breaker is open rests, and it is said why', () => {
  const rows = [row('disk', 'closed'), row('s3', 'open'), row('gcs', 'half-open'), row('other', 'open')];
  expect(openBreakers(rows, ['disk', 's3', 'gcs', 'unknown'], DEFAULT_WATCH_LIMITS, NOW)).toEqual([
    {
      store: 's3',
      reason: 'its breaker is open since 2026-11-21T08:59:59.000Z: STORE_UNREACHABLE no route',
    },
  ]);
});

test('a watch that is silent keeps no store from being tried', () => {
  const longest = freshForMs(DEFAULT_WATCH_LIMITS);
  const at = (age: number) => openBreakers([row('s3', 'open', age)], ['s3'], DEFAULT_WATCH_LIMITS, NOW).length;
  expect([at(longest), at(longest + 1)]).toEqual([1, 0]);
});

const health = (watched: boolean) => ({ health: { watched, limits: DEFAULT_WATCH_LIMITS } }) as never;

test('where nobody watches, the catalogue is not asked', async () => {
  const catalog = { storeHealth: () => Promise.reject(new Error('asked')) };
  expect(await restingStores(health(false), catalog, ['s3'])).toEqual([]);
  await expect(restingStores(health(true), catalog, ['s3'])).rejects.toThrow('asked');
});

test('a store that rests is not opened, and one that fails to open is named beside it, in the order given', async () => {
  const opened: string[] = [];
  const deps = {
    ...(health(true) as object),
    catalog: async () => ({ storeHealth: async () => [row('s3', 'open', 1_000, Date.now())] }),
    stores: {
      open: async (name: string) => {
        opened.push(name);
        if (name === 'gcs') throw new Error('boom');
        return {};
      },
    },
  };
  const { open, away } = await openableStores(deps as never, ['gcs', 's3', 'disk']);
  expect(open).toEqual(['disk']);
  expect(away.map(({ store }) => store)).toEqual(['gcs', 's3']);
  expect(opened).toEqual(['gcs', 'disk']);
});
