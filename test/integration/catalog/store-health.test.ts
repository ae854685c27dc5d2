import { createCatalog } from '../../../src/catalog/create-catalog';
import { migrate } from '../../../src/catalog/migrate';
import type { Catalog } from '../../../src/catalog/types';
import { untriedStatus, type StoreEvent } from '../../../src/domain/store-watch';
import { startPostgres, type TestPostgres } from '../../support/postgres';

const T = Date.UTC(2026, 10, 21, 12);
const event = (minute: number, changes: Partial<StoreEvent> = {}): StoreEvent => ({
  store: 's3',
  at: new Date(T + minute * 60_000).toISOString(),
  kind: 'breaker',
  from: 'closed',
  to: 'open',
  reason: '3 failures in a row',
  code: 'STORE_UNREACHABLE',
  database: null,
  ...changes,
});

let server: TestPostgres;
let catalog: Catalog;
beforeAll(async () => {
  server = await startPostgres();
  await server.createDatabase('catalog');
  const target = server.target('catalog');
  await migrate(target, 'holdfast');
  catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
}, 60_000);
afterAll(async () => {
  await catalog?.close();
  await server?.stop();
});

test('what is known of a store comes back as it was saved', async () => {
  const status = {
    ...untriedStatus('s3', T),
    average: { share: 0.5, latencyMs: 12.5 },
    lastFault: { code: 'STORE_TIMEOUT', message: 'late', hint: 'wait', at: new Date(T).toISOString() },
  };
  await catalog.saveStoreHealth(status, new Date(T));
  expect(await catalog.storeHealth()).toEqual([{ store: 's3', status, updatedAt: new Date(T) }]);
});

test('the newer word on a store stays, whichever is written last', async () => {
  const newer = { ...untriedStatus('disk', T), state: 'down' as const };
  await catalog.saveStoreHealth(newer, new Date(T + 1_000));
  await catalog.saveStoreHealth(untriedStatus('disk', T), new Date(T));
  const [disk] = await catalog.storeHealth();
  expect(disk).toMatchObject({ store: 'disk', status: { state: 'down' } });
});

test('an event that is told twice is on record once', async () => {
  expect(await catalog.addStoreEvent(event(1))).toBe(true);
  expect(await catalog.addStoreEvent(event(1))).toBe(false);
  expect(await catalog.storeEvents({ store: 's3' })).toEqual([event(1)]);
});

test('events are found by store, kind, database and time, newest first', async () => {
  const failover = event(3, { kind: 'failover', from: 's3', to: 'disk', database: 'shop', code: null });
  for (const one of [event(2, { from: 'open', to: 'half-open' }), failover, event(2, { store: 'disk' })])
    await catalog.addStoreEvent(one);
  expect((await catalog.storeEvents({ store: 's3' })).map(({ at }) => at)).toEqual([
    event(3).at,
    event(2).at,
    event(1).at,
  ]);
  expect(await catalog.storeEvents({ kind: 'failover', database: 'shop', limit: 1 })).toEqual([failover]);
  expect(await catalog.storeEvents({ store: 's3', since: new Date(event(2).at) })).toHaveLength(2);
  expect(await catalog.storeEvents({ store: 'disk' })).toHaveLength(1);
});
