import * as fc from 'fast-check';
import type { PolicyStore } from '../../../src/domain/compliance';
import { COPY_STATES, isGood } from '../../../src/domain/copy-state';
import type { CopyState } from '../../../src/domain/names';
import { deletionObstacles, retirementObstacles, type RetirementOfDatabase } from '../../../src/domain/store-life';

const store = (name: string, provider: string, role: PolicyStore['role'] = 'secondary'): PolicyStore => ({
  name,
  role,
  provider,
  account: null,
  credentials: null,
  region: null,
  endpoint: null,
  bucket: null,
  disk: null,
});
const STORES = [store('disk', 'disk', 'primary'), store('cloud', 'aws', 'offsite'), store('new', 'google', 'offsite')];
const backup = (backupId: string, states: Partial<Record<string, CopyState>>, tombstoned = false) => ({
  backupId,
  tombstoned,
  copies: Object.entries(states).map(([name, state]) => ({
    store: name,
    state: state!,
    countsAsProved: state === 'proved',
  })),
});
const world = (changes: Partial<RetirementOfDatabase>): RetirementOfDatabase => ({
  database: 'shop',
  policy: { copies: 2, media: 2, offsite: 1 },
  stores: STORES,
  active: ['disk', 'new'],
  backups: [],
  minProved: 1,
  ...changes,
});
const found = (changes: Partial<RetirementOfDatabase>, name = 'cloud') =>
  retirementObstacles(name, world(changes)).map(({ backupId, clause }) => `${backupId ?? 'stores'} ${clause}`);

test('a store whose copies are all elsewhere may go', () => {
  const backups = [
    backup('b', { disk: 'complete', cloud: 'complete', new: 'proved' }),
    backup('a', { disk: 'proved', cloud: 'proved', new: 'complete' }),
  ];
  expect(found({ backups })).toEqual([]);
});

test('the only good copy of a backup keeps it, also of one that is marked for deletion and can be taken back', () => {
  const backups = [
    backup('b', { disk: 'damaged', cloud: 'complete', new: 'pending' }),
    backup('a', { cloud: 'complete' }, true),
  ];
  expect(found({ backups, policy: null })).toEqual(['b only-copy', 'a only-copy']);
});

test('a clause of the policy that would be missing keeps it, each named with its backup', () => {
  expect(found({ backups: [backup('a', { disk: 'proved', cloud: 'complete' })] })).toEqual([
    'a copies',
    'a media',
    'a offsite',
  ]);
});

test('what is missing already and would not get worse keeps nothing', () => {
  const backups = [backup('a', { disk: 'proved', cloud: 'pending' })];
  expect(found({ backups, active: ['disk', 'new'] })).toEqual([]);
});

test('new backups must be able to meet the policy at the stores that are left and take them', () => {
  expect(found({ active: ['disk'] })).toEqual(['stores copies', 'stores media', 'stores offsite']);
  expect(found({ active: ['cloud'], policy: null })).toEqual(['stores no-store']);
});

test('the last proved backups keep it where they are proved nowhere else', () => {
  const backups = [
    backup('c', { disk: 'complete', cloud: 'proved', new: 'complete' }),
    backup('b', { disk: 'complete', cloud: 'proved', new: 'complete' }),
    backup('a', { disk: 'proved', cloud: 'complete', new: 'complete' }),
  ];
  expect(found({ backups })).toEqual([]);
  expect(found({ backups, minProved: 2 })).toEqual(['c proved']);
  expect(found({ backups: backups.slice(0, 2) })).toEqual(['c proved']);
});

test('a store that holds no backups of a database is no matter of that database', () => {
  expect(found({}, 'elsewhere')).toEqual([]);
});

test('where nothing stands in the way, every backup with a good copy keeps one, and one proved stays when there was one', () => {
  const states = fc.constantFrom(...COPY_STATES);
  const backups = fc.array(fc.record({ disk: states, cloud: states, new: states }), { maxLength: 5 });
  fc.assert(
    fc.property(backups, fc.boolean(), (list, held) => {
      const kept = list.map((one, index) => backup(String(index), one));
      const policy = held ? { copies: 1, media: 1, offsite: 1 } : null;
      if (retirementObstacles('cloud', world({ backups: kept, policy })).length > 0) return;
      for (const { copies } of kept) {
        if (copies.some(({ state }) => isGood(state)))
          expect(copies.some(({ store: name, state }) => name !== 'cloud' && isGood(state))).toBe(true);
      }
      const proved = (left: boolean) =>
        kept.some(({ copies }) => copies.some((copy) => copy.countsAsProved && (!left || copy.store !== 'cloud')));
      expect(proved(true)).toBe(proved(false));
    }),
  );
});

test('objects go when another store shows the backup, or when it is deleted; one that nobody knows stays', () => {
  const copy = (backupId: string, known: { deleted: boolean } | null, goodAt: string[]) => ({
    ...{ database: 'shop', backupId, known, goodAt },
  });
  const found = deletionObstacles([
    copy('elsewhere', { deleted: false }, ['disk']),
    copy('deleted', { deleted: true }, []),
    copy('last', { deleted: false }, []),
    copy('unknown', null, ['disk']),
  ]);
  expect(found.map(({ backupId, clause }) => [backupId, clause])).toEqual([
    ['last', 'only-copy'],
    ['unknown', 'only-copy'],
  ]);
});
