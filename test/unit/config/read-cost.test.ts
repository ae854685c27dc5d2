import { readCosts } from '../../../src/config/read-cost';
import { configSchema } from '../../../src/config/schema';

const costs = (price: object | undefined, more: object = {}) =>
  readCosts(
    configSchema.parse({
      version: 1,
      databases: [{ name: 'shop', connection: { url: 'env:SHOP_URL' } }],
      stores: [{ name: 'aws', adapter: 's3', bucket: 'b', ...(price ? { price } : {}), ...more }],
      keys: { repository: './keys', idKey: 'env:ID' },
      catalog: { connection: { url: 'env:CATALOG_URL' } },
    }),
  );
const price = { currency: 'EUR', egressPerGb: '0.09', per1000Reads: '0.4' };

test('reading costs the egress of its bytes and one request an object', () => {
  expect(costs(price)('aws', { bytes: 2_000_000_000, objects: 500 })).toBe('0.38 EUR');
  expect(costs(price)('aws', { bytes: 0, objects: 0 })).toBe('0.00 EUR');
});

test('the prices of the storage class that the store writes with count', () => {
  const table = { ...price, classes: { GLACIER_IR: { egressPerGb: '0.12' } } };
  const read = { bytes: 1_000_000_000, objects: 0 };
  expect(costs(table, { storageClass: 'GLACIER_IR' })('aws', read)).toBe('0.12 EUR');
  expect(costs(table, { storageClass: 'STANDARD' })('aws', read)).toBe('0.09 EUR');
});

test('without a price, and of a store that the config does not name, nothing is reckoned', () => {
  expect(costs(undefined)('aws', { bytes: 1, objects: 1 })).toBeNull();
  expect(costs(price)('gone', { bytes: 1, objects: 1 })).toBeNull();
});
