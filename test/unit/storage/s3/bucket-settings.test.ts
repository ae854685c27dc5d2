import { judgeBucket, type BucketSettings, type LifecycleRule } from '../../../../src/storage/s3/bucket-settings';
import { mayAskForSettings } from '../../../../src/storage/s3/inspect';

const plain: BucketSettings = { versioning: 'off', objectLock: null, lifecycle: [] };
const rule = (changes: Partial<LifecycleRule> = {}): LifecycleRule => ({
  id: 'tidy',
  enabled: true,
  prefix: '',
  tagged: false,
  expires: 'after 30 days',
  transitions: [],
  expiresOldVersions: false,
  ...changes,
});
const judge = (changes: Partial<BucketSettings>, prefix = 'backups/', objectLock?: { retain: number }) =>
  judgeBucket(
    { ...plain, ...changes },
    { prefix, objectLock: objectLock && { mode: 'GOVERNANCE', retain: objectLock.retain } },
  );
const said = (...given: Parameters<typeof judge>) =>
  judge(...given)
    .filter(({ level }) => level !== 'ok')
    .map(({ about, level, detail }) => `${level} ${about}: ${detail}`);

describe('the judgement of a bucket', () => {
  it('has nothing against a plain bucket', () => {
    expect(judge({}).map(({ about, level }) => `${about} ${level}`)).toEqual([
      'versioning ok',
      'object-lock ok',
      'lifecycle ok',
    ]);
  });

  it.each([
    ['a rule for everything', rule(), true],
    ['a rule for our prefix', rule({ prefix: 'backups/' }), true],
    ['a rule for the beginning of our prefix', rule({ prefix: 'back' }), true],
    ['a rule for a part of our objects', rule({ prefix: 'backups/shop/segments/' }), true],
    ['a rule for another prefix', rule({ prefix: 'logs/' }), false],
    ['a rule for a prefix that only begins like ours', rule({ prefix: 'backups-old/' }), false],
    ['a rule that is switched off', rule({ enabled: false }), false],
    ['a rule for tagged objects', rule({ tagged: true }), false],
    ['a rule for canaries', rule({ prefix: 'backups/.holdfast-canary/' }), false],
    ['a rule that deletes nothing', rule({ expires: null }), false],
    ['a rule for old versions', rule({ expires: null, expiresOldVersions: true }), false],
  ])('warns of what deletes segments: %s', (_title, given, warned) => {
    expect(said({ lifecycle: [given] })).toEqual(
      warned ? ['warning lifecycle: the lifecycle rule "tidy" deletes objects of backups after 30 days'] : [],
    );
  });

  it('tells an archive from a cheaper class, and names each rule', () => {
    const moved = (id: string | null, storageClass: string) =>
      rule({ id, expires: null, transitions: [{ when: 'after 7 days', storageClass }] });
    expect(said({ lifecycle: [moved('cold', 'DEEP_ARCHIVE'), moved(null, 'STANDARD_IA')] })).toEqual([
      'warning lifecycle: the lifecycle rule "cold" moves objects of backups to DEEP_ARCHIVE after 7 days, where they cannot be read directly',
      'warning lifecycle: a lifecycle rule without a name moves objects of backups to STANDARD_IA after 7 days: each proof pays for reading them',
    ]);
  });

  it('warns of versions that nobody deletes, until a rule does', () => {
    expect(said({ versioning: 'enabled' })).toEqual([
      'warning versioning: on: what retention deletes stays as an old version, and is paid for',
    ]);
    const cleaned = rule({ expires: null, expiresOldVersions: true });
    expect(said({ versioning: 'enabled', lifecycle: [cleaned] })).toEqual([]);
    expect(said({ versioning: 'enabled', lifecycle: [{ ...cleaned, prefix: 'logs/' }] })).toHaveLength(1);
    expect(said({ versioning: 'suspended' })).toEqual([]);
  });

  it('warns of a lock that all objects get, and of one that is wanted and not there', () => {
    expect(said({ objectLock: { retention: null } })).toEqual([]);
    expect(said({ objectLock: { retention: 'COMPLIANCE, 30 days' } })).toEqual([
      'warning object-lock: every new object is locked (COMPLIANCE, 30 days): retention cannot free its space before',
    ]);
    expect(said({}, '', { retain: 1 })).toEqual([
      'warning object-lock: objectLock is configured for this store, but the bucket has no Object Lock',
    ]);
  });

  it('says what may not be asked, by the permission that it needs', () => {
    const needs = (permission: string) => ({ notTold: `needs ${permission}` });
    expect(
      said({
        versioning: needs('s3:GetBucketVersioning'),
        objectLock: needs('s3:GetBucketObjectLockConfiguration'),
        lifecycle: needs('s3:GetLifecycleConfiguration'),
      }),
    ).toEqual([
      'unknown versioning: unknown (needs s3:GetBucketVersioning)',
      'unknown object-lock: unknown (needs s3:GetBucketObjectLockConfiguration)',
      'unknown lifecycle: unknown (needs s3:GetLifecycleConfiguration)',
    ]);
  });
});

it.each([
  [{ preset: 'supabase' as const, endpoint: 'https://p.storage.supabase.co/storage/v1/s3' }, false],
  [{ preset: 'supabase' as const, endpoint: 'http://127.0.0.1:5000/s3' }, false],
  [{ preset: 'minio' as const, endpoint: 'http://127.0.0.1:54321/storage/v1/s3' }, false],
  [{ endpoint: 'http://127.0.0.1:54321/storage/v1/s3/' }, false],
  [{ endpoint: 'http://127.0.0.1:5000/s3' }, false],
  [{ endpoint: 'http://127.0.0.1:9000' }, true],
  [{ preset: 'aws' as const, endpoint: undefined }, true],
  [{ endpoint: undefined }, true],
])('settings of the bucket of %j are asked for: %s', (config, expected) => {
  expect(mayAskForSettings(config)).toBe(expected);
});
