import { complianceFacts } from '../../../src/config/compliance-facts';
import { configSchema } from '../../../src/config/schema';

const config = (changes: object, database: object = {}) =>
  configSchema.parse({
    version: 1,
    databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' }, ...database }],
    stores: [
      { name: 'disk', adapter: 'filesystem', path: '/srv', role: 'primary', region: 'cellar' },
      { name: 'aws', adapter: 's3', bucket: 'b', region: 'eu-central-1', role: 'offsite', account: 'acme' },
      { name: 'own', adapter: 's3', bucket: 'b', endpoint: 'https://s3.example.org:9000' },
      { name: 'named', adapter: 's3', bucket: 'b', endpoint: 'https://s3.example.org', provider: 'wasabi' },
    ],
    keys: { repository: './keys', idKey: 'env:ID' },
    catalog: { connection: { url: 'env:CATALOG_URL' } },
    ...changes,
  });

test('a store is judged by what the config states, and by what follows from its adapter', () => {
  const { stores } = complianceFacts(config({}), 'shop');
  expect(
    stores.map(({ name, provider, account, region, endpoint }) => [name, provider, account, region, endpoint]),
  ).toEqual([
    ['disk', 'disk', null, 'cellar', null],
    ['aws', 'aws', 'acme', 'eu-central-1', null],
    ['own', 's3.example.org', null, 'us-east-1', 's3.example.org:9000'],
    ['named', 'wasabi', null, 'us-east-1', 's3.example.org'],
  ]);
});

test('a policy holds when it is stated; its clauses have the figures of the rule', () => {
  expect(complianceFacts(config({}), 'shop').policy).toBeNull();
  expect(complianceFacts(config({ policy: {} }), 'shop').policy).toEqual({ copies: 3, media: 2, offsite: 1 });
});

test("a database's own policy takes the place of the root's, whole, or frees it", () => {
  const root = { policy: { copies: 4, media: 3, offsite: 2 } };
  expect(complianceFacts(config(root, { policy: { copies: 2 } }), 'shop').policy).toEqual({
    copies: 2,
    media: 2,
    offsite: 1,
  });
  expect(complianceFacts(config(root, { policy: 'none' }), 'shop').policy).toBeNull();
});

test('stores that hold no backups of the database are not judged', () => {
  const { stores } = complianceFacts(config({}, { stores: ['disk', 'aws'] }), 'shop');
  expect(stores.map(({ name }) => name)).toEqual(['disk', 'aws']);
});
