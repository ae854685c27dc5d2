import { chooseDumpStores, failoverDuring, type KnownStore } from '../../../src/domain/failover';

const SINCE = '2026-11-21T12:00:00.000Z';
const store = (name: string, breaker: KnownStore['breaker'] = 'closed', role: KnownStore['role'] = 'secondary') => ({
  name,
  role,
  breaker,
  since: breaker === 'open' ? SINCE : null,
  error: breaker === 'open' ? 'STORE_UNREACHABLE: refused' : null,
});

const OPEN = `breaker is open since ${SINCE} (STORE_UNREACHABLE: refused)`;
const trying = (one: KnownStore): KnownStore => ({ ...one, onTrial: true });

test('with every breaker closed or unknown the dump goes to all, in order', () => {
  expect(chooseDumpStores([store('x', 'closed', 'primary'), store('y'), store('z', null)], null)).toEqual({
    ...{ stores: ['x', 'y', 'z'], trials: [], left: [], notices: [], failover: null, standIn: null, blocked: null },
  });
});

test('a store whose breaker is open is left for later, with the reason', () => {
  const chosen = chooseDumpStores([store('x', 'closed', 'primary'), store('y', 'open')], null);
  expect(chosen).toMatchObject({ stores: ['x'], failover: null, standIn: null, blocked: null });
  expect(chosen.left).toEqual([{ store: 'y', detail: `left out of the dump: its ${OPEN}` }]);
});

test('a store whose breaker is half-open takes part on trial, unless another run tries it already', () => {
  const known = [store('x', 'closed', 'primary'), store('y', 'half-open')];
  expect(chooseDumpStores(known, null)).toMatchObject({ stores: ['x', 'y'], trials: ['y'], left: [] });
  const other = chooseDumpStores([known[0]!, trying(known[1]!)], null);
  expect(other).toMatchObject({ stores: ['x'], trials: [], left: [{ store: 'y' }] });
  expect(other.notices[0]).toMatch(/half-open and another run tries it/);
});

test('with the primary down the dump goes on with the next, and says so', () => {
  const chosen = chooseDumpStores([store('x', 'open', 'primary'), store('y'), store('z')], null);
  expect(chosen).toMatchObject({ stores: ['y', 'z'], standIn: 'y' });
  expect(chosen.notices).toEqual([
    `primary x is left out, its ${OPEN}: the dump goes to y, z; x is filled when it is back`,
  ]);
  expect(chosen.failover).toMatchObject({ store: 'x', from: 'x', to: 'y', reason: chosen.notices[0] });
});

test('with the one that stands in down too, the next stands in', () => {
  const chosen = chooseDumpStores([store('x', 'open', 'primary'), store('y', 'open'), store('z')], 'y');
  expect(chosen).toMatchObject({ stores: ['z'], standIn: 'z', failover: { store: 'x', from: 'y', to: 'z' } });
});

test('the failover is told once, its end is told once', () => {
  const down = [store('x', 'open', 'primary'), store('y')];
  expect(chooseDumpStores(down, 'y')).toMatchObject({ failover: null, standIn: 'y' });
  const back = chooseDumpStores([store('x', 'closed', 'primary'), store('y')], 'y');
  expect(back.failover).toEqual({ store: 'x', from: 'y', to: 'x', reason: 'primary x takes part in dumps again' });
  expect(back.standIn).toBeNull();
  expect(chooseDumpStores([store('x', 'closed', 'primary'), store('y')], 'x').failover).toBeNull();
});

test('a primary on trial is not said to be back before its breaker has closed', () => {
  const chosen = chooseDumpStores([store('x', 'half-open', 'primary'), store('y')], 'y');
  expect(chosen).toMatchObject({ stores: ['x', 'y'], trials: ['x'], failover: null, standIn: 'y' });
});

test('where every breaker is open there is something to wait for, and each store is named', () => {
  const chosen = chooseDumpStores([store('x', 'open', 'primary'), trying(store('y', 'half-open'))], 'y');
  expect(chosen).toMatchObject({ stores: ['x', 'y'], trials: [], left: [], failover: null, standIn: 'y' });
  expect(chosen.blocked).toBe(`no store can be used (x: ${OPEN}; y: breaker is half-open and another run tries it)`);
});

describe('during the dump', () => {
  const behind = [{ store: 'x', code: 'STORE_TIMEOUT', message: 'late' }];
  test('a primary that is lost is stood in for by the first that has the backup', () => {
    const failover = failoverDuring({ primary: 'x', standIn: null }, { committed: ['y', 'z'], behind });
    expect(failover).toMatchObject({ store: 'x', from: 'x', to: 'y' });
    expect(failover!.reason).toContain('STORE_TIMEOUT: late');
  });
  test.each([
    ['another stood in already', { primary: 'x', standIn: 'y' }, { committed: ['y'], behind }],
    ['another store was lost', { primary: 'z', standIn: null }, { committed: ['z'], behind }],
    ['the primary has it after all', { primary: 'x', standIn: null }, { committed: ['x'], behind }],
    ['no store has it', { primary: 'x', standIn: null }, { committed: [], behind }],
  ])('nothing is told where %s', (_, lead, dump) => {
    expect(failoverDuring(lead, dump)).toBeNull();
  });
});
