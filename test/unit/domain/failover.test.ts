import { chooseDumpStores, type KnownStore } from '../../../src/domain/failover';

const SINCE = '2026-11-21T12:00:00.000Z';
const store = (name: string, breaker: KnownStore['breaker'] = 'closed', role: KnownStore['role'] = 'secondary') => ({
  name,
  role,
  breaker,
  since: breaker === 'open' ? SINCE : null,
  error: breaker === 'open' ? 'STORE_UNREACHABLE: refused' : null,
});

test('with every breaker closed, half-open or unknown the dump goes to all, in order', () => {
  const known = [store('x', 'closed', 'primary'), store('y', 'half-open'), store('z', null)];
  expect(chooseDumpStores(known, null)).toEqual({ stores: ['x', 'y', 'z'], left: [], notices: [], failover: null });
});

test('a store whose breaker is open is left for later, with the reason', () => {
  const chosen = chooseDumpStores([store('x', 'closed', 'primary'), store('y', 'open')], null);
  expect(chosen.stores).toEqual(['x']);
  expect(chosen.left).toEqual([
    { store: 'y', detail: `left out of the dump: its breaker is open since ${SINCE} (STORE_UNREACHABLE: refused)` },
  ]);
  expect(chosen.failover).toBeNull();
});

test('with the primary down the dump goes on with the next, and says so', () => {
  const chosen = chooseDumpStores([store('x', 'open', 'primary'), store('y'), store('z')], null);
  expect(chosen.stores).toEqual(['y', 'z']);
  expect(chosen.notices).toEqual([
    `primary x is down since ${SINCE} (STORE_UNREACHABLE: refused): the dump goes to y, z; x is filled when it is back`,
  ]);
  expect(chosen.failover).toMatchObject({ store: 'x', from: 'x', to: 'y', reason: chosen.notices[0] });
});

test('the failover is told once, its end is told once', () => {
  const down = [store('x', 'open', 'primary'), store('y')];
  expect(chooseDumpStores(down, 'y').failover).toBeNull();
  const back = chooseDumpStores([store('x', 'closed', 'primary'), store('y')], 'y');
  expect(back.failover).toEqual({ store: 'x', from: 'y', to: 'x', reason: 'primary x takes part in dumps again' });
  expect(chooseDumpStores([store('x', 'closed', 'primary'), store('y')], 'x').failover).toBeNull();
});

test('where every breaker is open all stores are tried, and that is said', () => {
  const chosen = chooseDumpStores([store('x', 'open', 'primary'), store('y', 'open')], 'y');
  expect(chosen).toMatchObject({ stores: ['x', 'y'], left: [], failover: null });
  expect(chosen.notices).toEqual(['the breaker of every store is open (x, y): all of them are tried']);
});

test('a single store is always tried', () => {
  expect(chooseDumpStores([store('x', 'open', 'primary')], null).stores).toEqual(['x']);
});
