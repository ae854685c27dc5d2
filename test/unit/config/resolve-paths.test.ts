import { resolvePaths } from '../../../src/config/resolve-paths';
import { configSchema } from '../../../src/config/schema';

test('references of separate credentials stand relative to the folder of the file, like all others', () => {
  const config = configSchema.parse({
    version: 1,
    databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' } }],
    stores: [
      {
        name: 'far',
        adapter: 's3',
        bucket: 'b',
        credentials: { write: { accessKeyId: 'file:w.id', secretAccessKey: 'env:W' } },
      },
      { name: 'plain', adapter: 's3', bucket: 'c' },
    ],
    keys: { repository: './keys', idKey: 'env:ID' },
    catalog: { connection: { url: 'env:CATALOG_URL' } },
  });
  const { stores } = resolvePaths(config, '/etc/holdfast');
  expect(stores[0]).toMatchObject({
    credentials: { write: { accessKeyId: 'file:/etc/holdfast/w.id', secretAccessKey: 'env:W' } },
  });
  expect(stores[0]).not.toHaveProperty('credentials.delete');
  expect(stores[1]).not.toHaveProperty('credentials');
});

test('references of one secret each, for every kind of call, are resolved too', () => {
  const stores = [
    { name: 'g', adapter: 'gcs', bucket: 'bbb', credentials: { write: 'file:w.json', delete: 'env:D' } },
    { name: 'h', adapter: 'gcs', bucket: 'ccc', credentials: 'file:all.json' },
    { name: 's', adapter: 'supabase', url: 'http://h', bucket: 'd', credentials: { read: 'file:/r.jwt' } },
    { name: 't', adapter: 'supabase', url: 'http://h', bucket: 'e', key: 'file:t.key' },
  ];
  const config = configSchema.parse({
    version: 1,
    databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' } }],
    stores,
    keys: { repository: './keys', idKey: 'env:ID' },
    catalog: { connection: { url: 'env:CATALOG_URL' } },
  });
  const resolved = resolvePaths(config, '/etc/holdfast').stores as readonly { credentials?: unknown; key?: unknown }[];
  expect(resolved.map(({ credentials, key }) => credentials ?? key)).toEqual([
    { write: 'file:/etc/holdfast/w.json', delete: 'env:D' },
    'file:/etc/holdfast/all.json',
    { read: 'file:/r.jwt' },
    'file:/etc/holdfast/t.key',
  ]);
  expect(resolved[2]).not.toHaveProperty('key');
});

test('a Supabase store without any key, and credentials that state none, are faults with their path', () => {
  const faultsOf = (store: object) => {
    const found = configSchema.safeParse({
      version: 1,
      databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' } }],
      stores: [{ name: 's', bucket: 'ddd', ...store }],
      keys: { repository: './keys', idKey: 'env:ID' },
      catalog: { connection: { url: 'env:CATALOG_URL' } },
    });
    return found.success ? [] : found.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  };
  const supabase = { adapter: 'supabase', url: 'http://h' };
  expect(faultsOf(supabase)).toEqual(['stores.0: key is missing']);
  expect(faultsOf({ ...supabase, credentials: {} })).toEqual(['stores.0.credentials: no credential is stated']);
  expect(faultsOf({ ...supabase, credentials: { write: 'env:W' } })).toEqual([]);
  expect(faultsOf({ adapter: 'gcs', credentials: { write: '{"type":"service_account"}' } })).toEqual([
    'stores.0.credentials.write: a reference to a secret: env:NAME or file:PATH',
  ]);
});
