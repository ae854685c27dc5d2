import fc from 'fast-check';
import { meets, needsOf, ROLES, rolesThatMeet, type Need, type Role } from '../../../src/domain/access';

test.each<[Role, readonly Need[]]>([
  ['view', ['none', 'view']],
  ['operate', ['none', 'view', 'operate']],
  ['restore', ['none', 'view', 'restore']],
  ['administer', ['none', 'view', 'operate', 'administer']],
])('%s is enough for %j and for nothing else', (role, enough) => {
  const all: readonly Need[] = ['none', ...ROLES];
  expect(all.filter((need) => meets([role], need))).toEqual(all.filter((need) => enough.includes(need)));
});

test('nobody may anything that needs a role, and everybody what needs none', () => {
  expect(ROLES.filter((role) => meets([], role))).toEqual([]);
  expect(meets([], 'none')).toBe(true);
});

test('more roles never take a right away, and several roles may no more than each of them', () => {
  const roles = fc.subarray([...ROLES]);
  const need = fc.constantFrom<Need>('none', ...ROLES);
  fc.assert(
    fc.property(roles, roles, need, (some, others, wanted) => {
      expect(meets([...some, ...others], wanted)).toBe(meets(some, wanted) || meets(others, wanted));
    }),
  );
});

test('the roles that are named as enough are enough, the narrowest first', () => {
  for (const role of ROLES) expect(rolesThatMeet(role).every((one) => meets([one], role))).toBe(true);
  expect(rolesThatMeet('operate')).toEqual(['operate', 'administer']);
  expect(rolesThatMeet('view')[0]).toBe('view');
});

test('an option changes what is needed only where it is given', () => {
  const needs = { role: 'administer', with: { dryRun: 'view' } } as const;
  expect(needsOf(needs, {})).toEqual(['administer']);
  expect(needsOf(needs, { dryRun: false })).toEqual(['administer']);
  expect(needsOf(needs, { dryRun: true })).toEqual(['view']);
});

test('of several options that change the need every one is asked for', () => {
  const needs = { role: 'view', with: { deep: 'operate', wipe: 'administer' } } as const;
  expect(needsOf(needs, { deep: true, wipe: true })).toEqual(['operate', 'administer']);
});
