import {
  judgeGcsBucket,
  type BucketResource,
  type GcsLifecycleRule,
} from '../../../../src/storage/gcs/bucket-settings';

const place = { prefix: 'backups/' };
const lines = (bucket: BucketResource, at: Parameters<typeof judgeGcsBucket>[1] = place) =>
  judgeGcsBucket(bucket, at).map(({ about, level, detail }) => `${level} ${about}: ${detail}`);
const lifecycle = (condition: GcsLifecycleRule['condition'], more: Partial<BucketResource> = {}) =>
  lines({ ...more, lifecycle: { rule: [{ action: { type: 'Delete' }, condition }] } }).filter((line) =>
    line.includes('lifecycle:'),
  );
const EATS = expect.stringContaining('warning lifecycle: a lifecycle rule deletes objects of backups');
const SPARES = 'ok lifecycle: no rule deletes or moves objects of backups';

test.each<[string, GcsLifecycleRule['condition'], unknown]>([
  ['has no condition but age', { age: 30 }, EATS],
  ['has no condition at all', undefined, EATS],
  ['is for a prefix of ours', { age: 1, matchesPrefix: ['logs/', 'backups/shop/'] }, EATS],
  ['is for a prefix that ours lies below', { age: 1, matchesPrefix: ['back'] }, EATS],
  ['is for another prefix', { age: 1, matchesPrefix: ['logs/'] }, SPARES],
  ['is for canaries', { age: 1, matchesPrefix: ['backups/.holdfast-canary/'] }, SPARES],
  ['is for old versions', { age: 1, isLive: false }, SPARES],
  ['is for versions that newer ones replaced', { numNewerVersions: 2 }, SPARES],
  ['is for noncurrent days', { daysSinceNoncurrentTime: 7 }, SPARES],
  ['is for objects with a time of their own', { daysSinceCustomTime: 7 }, SPARES],
  ['is for an ending that none of ours has', { age: 1, matchesSuffix: ['.log'] }, SPARES],
  ['is for the ending of holdfast.json', { age: 1, matchesSuffix: ['.json'] }, EATS],
  ['is for an ending that a hash may have', { age: 1, matchesSuffix: ['0'] }, EATS],
  ['is for the class that is written', { age: 1, matchesStorageClass: ['STANDARD'] }, EATS],
  ['is for another class', { age: 1, matchesStorageClass: ['ARCHIVE'] }, SPARES],
])('a rule that deletes and %s is judged by what it does to backups', (_title, condition, expected) => {
  expect(lifecycle(condition, { storageClass: 'STANDARD' })).toEqual([expected]);
});

test('under Autoclass a class says nothing of which objects a rule is for', () => {
  const found = lifecycle(
    { age: 1, matchesStorageClass: ['ARCHIVE'] },
    { storageClass: 'STANDARD', autoclass: { enabled: true } },
  );
  expect(found[0]).toEqual(EATS);
});

test('a rule that moves objects is named with its class, one that ends uploads is none of ours', () => {
  const rule = [
    { action: { type: 'SetStorageClass', storageClass: 'COLDLINE' }, condition: { age: 5 } },
    { action: { type: 'AbortIncompleteMultipartUpload' }, condition: { age: 1 } },
  ];
  expect(lines({ lifecycle: { rule } }).filter((line) => line.includes('lifecycle'))).toEqual([
    'warning lifecycle: a lifecycle rule moves objects of backups to COLDLINE after 5 days: each proof pays for reading them',
  ]);
});

test('versions that a rule cleans up are no warning', () => {
  const rule = [{ action: { type: 'Delete' }, condition: { daysSinceNoncurrentTime: 7 } }];
  expect(lines({ versioning: { enabled: true }, lifecycle: { rule } })[0]).toBe(
    'ok versioning: on; a lifecycle rule deletes old versions',
  );
});

test('holds by default, retention and soft delete are told with their times', () => {
  const found = lines({
    defaultEventBasedHold: true,
    retentionPolicy: { retentionPeriod: '3600' },
    softDeletePolicy: { retentionDurationSeconds: '0' },
  });
  expect(found.slice(1, 4)).toEqual([
    'ok soft-delete: off',
    'warning retention-policy: every object is kept for 3600 seconds: retention cannot free its space before, nothing can be healed in place before',
    'warning retention-policy: every new object gets an event-based hold: retention can delete none of them',
  ]);
});

test('the region that is configured is compared whatever the case', () => {
  const at = (region: string) =>
    lines({ location: 'EUROPE-WEST3' }, { ...place, region }).find((line) => line.includes('region'));
  expect(at('Europe-West3')).toBe('ok region: europe-west3');
  expect(at('eu')).toContain('warning region: the bucket stands in europe-west3');
});
