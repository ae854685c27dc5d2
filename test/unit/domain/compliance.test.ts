import * as fc from 'fast-check';
import {
  canSatisfy,
  complianceOf,
  everyStore,
  type CopyPolicy,
  type JudgedCopy,
  type PolicyStore,
} from '../../../src/domain/compliance';
import { COPY_STATES } from '../../../src/domain/copy-state';
import type { CopyState } from '../../../src/domain/names';

const RULE: CopyPolicy = { copies: 3, media: 2, offsite: 1 };
const store = (name: string, changes: Partial<PolicyStore> = {}): PolicyStore => ({
  name,
  role: 'secondary',
  provider: 'disk',
  account: null,
  credentials: null,
  region: null,
  endpoint: null,
  bucket: null,
  disk: null,
  ...changes,
});
const disk = store('disk', { role: 'primary' });
const nas = store('nas');
const cloud = store('cloud', { role: 'offsite', provider: 'aws', bucket: 'b', region: 'eu-central-1' });
const ALL = [disk, nas, cloud];
const copies = (states: Partial<Record<string, CopyState>>): JudgedCopy[] =>
  Object.entries(states).map(([name, state]) => ({ store: name, state: state! }));

describe('one backup', () => {
  const cases: readonly (readonly [Partial<Record<string, CopyState>>, string, number, readonly string[]])[] = [
    [{ disk: 'complete', nas: 'complete', cloud: 'complete' }, '3/3', 0, []],
    [{ disk: 'proved', nas: 'proved', cloud: 'complete' }, '3/3', 2, []],
    [{ disk: 'proved', nas: 'complete', cloud: 'copying' }, '2/3', 1, ['copies 2<3', 'media 1<2', 'offsite 0<1']],
    [{ disk: 'damaged', nas: 'complete', cloud: 'complete' }, '2/3', 0, ['copies 2<3']],
    [{ disk: 'lost', nas: 'pending', cloud: 'retired' }, '0/3', 0, ['copies 0<3', 'media 0<2', 'offsite 0<1']],
    [{}, '0/3', 0, ['copies 0<3', 'media 0<2', 'offsite 0<1']],
    [{ disk: 'proved', elsewhere: 'proved' }, '1/3', 1, ['copies 1<3', 'media 1<2', 'offsite 0<1']],
  ];
  test.each(cases)('with %j is %s, %i proved', (states, state, proved, missing) => {
    const found = complianceOf(RULE, ALL, copies(states));
    expect(found).toMatchObject({ state, proved, compliant: missing.length === 0 });
    expect(found.missing.map(({ clause, have, want }) => `${clause} ${have}<${want}`)).toEqual(missing);
  });

  test('says in words what is missing', () => {
    const found = complianceOf(RULE, ALL, copies({ disk: 'complete', nas: 'complete' }));
    expect(found.missing.map(({ sentence }) => sentence)).toEqual([
      '2 of 3 copies',
      '1 of 2 kinds of media (disk)',
      '0 of 1 copy elsewhere',
    ]);
  });

  test('more copies than wanted are not shown, but a clause can be missing all the same', () => {
    const many = [disk, nas, store('third'), store('fourth')];
    const found = complianceOf(
      RULE,
      many,
      copies({ disk: 'proved', nas: 'proved', third: 'proved', fourth: 'proved' }),
    );
    expect(found).toMatchObject({ state: '3/3', met: 3, wanted: 3, compliant: false });
    expect(found.missing.map(({ clause }) => clause)).toEqual(['media', 'offsite']);
  });

  test('without a policy every store is wanted', () => {
    expect(complianceOf(everyStore(ALL), ALL, copies({ disk: 'proved' })).state).toBe('1/3');
  });
});

describe('the stores', () => {
  test('that can hold what is wanted have nothing against them', () => {
    expect(canSatisfy(RULE, ALL)).toEqual({ impossible: [], warnings: [] });
  });

  test('that cannot are told which clause and why', () => {
    expect(canSatisfy(RULE, [disk, nas]).impossible.map(({ sentence }) => sentence)).toEqual([
      '3 copies are wanted, but there are 2 stores',
      '2 kinds of media are wanted, but the stores are of 1 (disk)',
      '1 copy elsewhere is wanted, but no store has the role offsite',
    ]);
  });

  const shared: readonly (readonly [string, Partial<PolicyStore>, Partial<PolicyStore>, readonly string[]])[] = [
    ['a disk', { disk: 'device 8:1' }, { disk: 'device 8:1' }, ['a and b share the disk device 8:1']],
    ['no disk', { disk: 'device 8:1' }, { disk: 'device 8:2' }, []],
    [
      'a bucket, which says the rest',
      { endpoint: 'h', bucket: 'x', provider: 'h', account: 'one', credentials: 'env:K' },
      { endpoint: 'h', bucket: 'x', provider: 'h', account: 'one', credentials: 'env:K' },
      ['a and b share the bucket h/x'],
    ],
    [
      'an endpoint; the region behind it is a formality',
      { endpoint: 'h', provider: 'h', region: 'us-east-1' },
      { endpoint: 'h', provider: 'h', region: 'us-east-1' },
      ['a and b share the endpoint h'],
    ],
    [
      'an account, which says the credentials',
      { provider: 'aws', account: 'acme', credentials: 'env:K' },
      { provider: 'aws', account: 'acme', credentials: 'env:K' },
      ['a and b share the account aws/acme'],
    ],
    [
      'accounts of one name at two providers',
      { provider: 'aws', account: 'acme' },
      { provider: 'google', account: 'acme' },
      [],
    ],
    ['credentials', { credentials: 'env:K' }, { credentials: 'env:K' }, ['a and b share the credentials env:K']],
    [
      'a region of one provider',
      { provider: 'aws', region: 'eu-central-1' },
      { provider: 'aws', region: 'eu-central-1' },
      ['a and b share the region aws/eu-central-1'],
    ],
    [
      'regions of one name at two providers',
      { provider: 'aws', region: 'eu' },
      { provider: 'google', region: 'eu' },
      [],
    ],
  ];
  test.each(shared)('that share %s', (_what, a, b, expected) => {
    const { warnings } = canSatisfy({ copies: 1, media: 0, offsite: 0 }, [store('a', a), store('b', b)]);
    expect(warnings.map((warning) => warning.replace(/: [^:]*$/, ''))).toEqual(expected);
  });
});

describe('whatever the stores and copies', () => {
  const providers = fc.constantFrom('disk', 'aws', 'google');
  const roles = fc.constantFrom('primary' as const, 'secondary' as const, 'offsite' as const);
  const stores = fc
    .array(fc.record({ provider: providers, role: roles }), { maxLength: 6 })
    .map((list) => list.map((changes, index) => store(`s${index}`, changes)));
  const policies = fc.record({ copies: fc.integer({ min: 1, max: 5 }), media: fc.nat(3), offsite: fc.nat(2) });
  const worlds = stores.chain((list) =>
    fc.tuple(
      fc.constant(list),
      policies,
      fc.array(fc.constantFrom(...COPY_STATES), { minLength: list.length, maxLength: list.length }),
    ),
  );
  const judged = (list: readonly PolicyStore[], states: readonly CopyState[]): JudgedCopy[] =>
    list.map(({ name }, index) => ({ store: name, state: states[index]! }));

  test('all copies in good state are compliant exactly when the stores can satisfy the policy', () => {
    fc.assert(
      fc.property(stores, policies, (list, policy) => {
        const full = complianceOf(
          policy,
          list,
          list.map(({ name }) => ({ store: name, state: 'complete' as const })),
        );
        expect(full.compliant).toBe(canSatisfy(policy, list).impossible.length === 0);
      }),
    );
  });

  test('a copy more never makes it worse, and the order of copies says nothing', () => {
    fc.assert(
      fc.property(worlds, fc.nat(5), ([list, policy, states], which) => {
        const before = complianceOf(policy, list, judged(list, states));
        const better = states.map((state, index) => (index === which ? ('proved' as const) : state));
        const after = complianceOf(policy, list, judged(list, better));
        expect(after.met).toBeGreaterThanOrEqual(before.met);
        if (before.compliant) expect(after.compliant).toBe(true);
        expect(complianceOf(policy, list, judged(list, states).reverse())).toEqual(before);
      }),
    );
  });

  test('compliant means that nothing is missing, and what is missing falls short', () => {
    fc.assert(
      fc.property(worlds, ([list, policy, states]) => {
        const found = complianceOf(policy, list, judged(list, states));
        expect(found.compliant).toBe(found.missing.length === 0);
        for (const { have, want } of found.missing) expect(have).toBeLessThan(want);
        expect(found.proved).toBeLessThanOrEqual(list.length);
        if (found.compliant) expect(found.state).toBe(`${policy.copies}/${policy.copies}`);
      }),
    );
  });
});
