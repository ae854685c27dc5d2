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
