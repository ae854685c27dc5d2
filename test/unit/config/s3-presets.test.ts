import * as fc from 'fast-check';
import { parseConfig } from '../../../src/config/load';
import {
  applyPreset,
  isSupabaseEndpoint,
  missingForEndpoint,
  S3_PRESET_NAMES,
  S3_PRESETS,
} from '../../../src/config/s3-presets';
import { s3StoreSchema } from '../../../src/config/schema';

const file = (store: string) => `version: 1
databases: [{ name: shop, connection: { url: env:SHOP_URL } }]
stores:
  - { name: remote, adapter: s3, ${store} }
keys: { repository: ./keys, idKey: file:keys/id.key }
catalog: { connection: { url: env:CATALOG_URL } }
`;
const load = (store: string) => parseConfig(file(store), '/etc/holdfast/holdfast.yaml');
const faults = (store: string) => {
  const result = load(store);
  return result.ok ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`);
};
const warnings = (store: string) => {
  const result = load(store);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.warnings.map(({ path, line, message }) => ({ path, line, message }));
};

describe('presets of S3 stores', () => {
  it.each([
    ['aws', {}, { region: 'us-east-1', pathStyle: false, checksum: 'sha256', createOnly: 'if-none-match' }],
    ['r2', { accountId: 'abc123' }, { region: 'auto', endpoint: 'https://abc123.r2.cloudflarestorage.com' }],
    [
      'b2',
      { region: 'us-west-004' },
      { endpoint: 'https://s3.us-west-004.backblazeb2.com', checksum: 'none', createOnly: 'none' },
    ],
    ['wasabi', { region: 'eu-central-1' }, { endpoint: 'https://s3.eu-central-1.wasabisys.com', createOnly: 'none' }],
    ['hetzner', { region: 'fsn1' }, { endpoint: 'https://fsn1.your-objectstorage.com', createOnly: 'if-none-match' }],
    [
      'supabase',
      { accountId: 'abcdefgh' },
      { endpoint: 'https://abcdefgh.storage.supabase.co/storage/v1/s3', pathStyle: true, createOnly: 'none' },
    ],
    ['minio', { endpoint: 'https://minio.example' }, { pathStyle: true, checksum: 'sha256' }],
    ['versitygw', { endpoint: 'https://s3.example' }, { pathStyle: true, region: 'us-east-1' }],
  ] as const)('%s brings what it is known for', (preset, stated, expected) => {
    const store = s3StoreSchema.parse({ name: 'x', adapter: 's3', bucket: 'shop-backups', preset, ...stated });
    expect(store).toMatchObject(expected);
  });

  it('give way to whatever the file states', () => {
    const stated = fc.record(
      {
        preset: fc.constantFrom(...S3_PRESET_NAMES),
        accountId: fc.constant('abc'),
        region: fc.constantFrom('eu-1', 'auto'),
        endpoint: fc.constant('https://own.example'),
        pathStyle: fc.boolean(),
        checksum: fc.constantFrom('sha256' as const, 'crc32' as const, 'none' as const),
        createOnly: fc.constantFrom('if-none-match' as const, 'none' as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(stated, (fields) => {
        const applied = applyPreset(fields);
        expect(applied).toMatchObject(fields);
        expect(applied.endpoint ?? '').not.toContain('{');
        // Applied twice is applied once: what was filled in counts as stated.
        if (missingForEndpoint(fields).length === 0) expect(applyPreset(applied)).toEqual(applied);
      }),
    );
  });

  it('without one, are what AWS has', () => {
    expect(s3StoreSchema.parse({ name: 'x', adapter: 's3', bucket: 'b' })).toMatchObject(S3_PRESETS.aws.defaults);
  });

  it('name a source each, which is an address of the vendor', () => {
    for (const name of S3_PRESET_NAMES) {
      expect(S3_PRESETS[name].sources.length).toBeGreaterThan(0);
      for (const source of S3_PRESETS[name].sources) expect(new URL(source).protocol).toBe('https:');
    }
  });

  it('say which field the endpoint lacks', () => {
    expect(faults('bucket: shop-backups, preset: wasabi')).toEqual([
      'stores[0].region: the preset wasabi needs region, or the whole endpoint',
    ]);
    expect(faults('bucket: shop-backups, preset: r2')).toEqual([
      'stores[0].accountId: the preset r2 needs accountId, or the whole endpoint',
    ]);
    expect(faults('bucket: shop-backups, preset: minio')).toEqual([
      'stores[0].endpoint: the preset minio needs endpoint',
    ]);
    expect(faults("bucket: shop-backups, preset: r2, endpoint: 'https://x.eu.r2.cloudflarestorage.com'")).toEqual([]);
    expect(faults('bucket: shop-backups, preset: aws, accountId: abc')).toEqual([
      'stores[0].accountId: counts with preset: r2 or supabase only',
    ]);
  });

  it('warn of stated values that the provider is known not to honour', () => {
    expect(warnings('bucket: shop-backups, preset: b2, region: us-west-004, checksum: sha256')).toEqual([
      { path: 'stores[0].checksum', line: 4, message: expect.stringContaining('x-amz-checksum-sha256') },
    ]);
    expect(
      warnings(
        'bucket: b, preset: supabase, accountId: abc, createOnly: if-none-match, checksum: crc32, pathStyle: false',
      ).map(({ path }) => path),
    ).toEqual(['stores[0].createOnly', 'stores[0].checksum', 'stores[0].pathStyle']);
    expect(
      warnings("bucket: shop-backups, preset: r2, accountId: a, objectLock: { mode: GOVERNANCE, retain: '7d' }"),
    ).toMatchObject([{ path: 'stores[0].objectLock' }]);
    expect(warnings('bucket: shop-backups, preset: hetzner, region: fsn2')).toMatchObject([
      { path: 'stores[0].region', message: expect.stringContaining('fsn1') },
    ]);
    expect(warnings('bucket: shop-backups, preset: aws, storageClass: DEEP_ARCHIVE')).toMatchObject([
      { path: 'stores[0].storageClass', message: expect.stringContaining('cannot be read directly') },
    ]);
    expect(warnings('bucket: shop-backups, preset: aws, storageClass: STANDARD_IA')).toEqual([]);
  });

  it('warn of the Supabase endpoint when its preset is not stated', () => {
    expect(isSupabaseEndpoint('https://x.supabase.co/storage/v1/s3')).toBe(true);
    expect(warnings("bucket: b, endpoint: 'https://x.supabase.co/storage/v1/s3'")).toMatchObject([
      { path: 'stores[0].endpoint' },
    ]);
  });
});

describe('names that a provider cannot hold', () => {
  it.each([
    ['preset: aws', 'Shop_Backups'],
    ['preset: aws', 'ab'],
    ['preset: aws', '192.168.1.1'],
    ['preset: aws', 'a..b'],
    ['preset: r2, accountId: x', 'shop.backups'],
    ['preset: b2, region: us-west-004', 'short'],
    ['preset: b2, region: us-west-004', 'b2-backups'],
  ])('with %s the bucket %s is refused', (settings, bucket) => {
    expect(faults(`bucket: '${bucket}', ${settings}`)).toEqual([expect.stringContaining('has no bucket of this name')]);
  });

  it('at AWS without a preset the name is only warned of, since old buckets have such names', () => {
    expect(warnings('bucket: Shop_Backups')).toMatchObject([{ path: 'stores[0].bucket' }]);
    expect(warnings("bucket: Shop_Backups, endpoint: 'https://own.example'")).toEqual([]);
  });

  it.each(['a/../b', '.holdfast-tmp/x', '.holdfast-canary', 'x/'.repeat(400), `${'y'.repeat(256)}/`])(
    'the prefix %s is refused',
    (prefix) => {
      expect(faults(`bucket: shop-backups, prefix: '${prefix}'`)).toEqual([
        expect.stringMatching(/^stores\[0\].prefix: /),
      ]);
    },
  );
});
