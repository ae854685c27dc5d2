import { backupCosts, copyCost, type CopyFacts } from '../../../src/domain/copy-cost';
import { moneyText } from '../../../src/domain/money';

const prices = {
  currency: 'EUR',
  storagePerGbMonth: '0.02',
  per1000Writes: '0.005',
  per1000Reads: '0.0004',
  egressPerGb: '0.09',
  minimumDays: 0,
};
const GB = 1_000_000_000;
const copy = (changes: Partial<CopyFacts> = {}): CopyFacts => ({
  ...{ state: 'proved', bytes: 10 * GB, newBytes: 4 * GB, objects: 1_000 },
  transfers: [
    { writes: 1_001, reads: 0, receivedBytes: 0 },
    { writes: 1, reads: 1_000, receivedBytes: 10 * GB },
  ],
  ...changes,
});
const texts = ({ perMonth, spent, readBack }: ReturnType<typeof copyCost>) => [
  moneyText(perMonth),
  moneyText(spent),
  readBack && moneyText(readBack),
];

test('a copy is charged with what it brought, with all work for it, and with the whole of it when it is read', () => {
  expect(texts(copyCost(prices, copy()))).toEqual(['0.08', '0.90541', '0.9004']);
});

test.each(['pending', 'copying', 'lost', 'retired'] as const)(
  'a copy that is %s takes no room, but was paid for',
  (state) => {
    expect(texts(copyCost(prices, copy({ state })))).toEqual(['0', '0.90541', null]);
  },
);

test('copies in two currencies are summed apart', () => {
  const [euro, dollar] = [copyCost(prices, copy()), copyCost({ ...prices, currency: 'USD' }, copy())];
  const { perMonth } = backupCosts([euro, dollar, euro]);
  expect(perMonth.map((sum) => `${moneyText(sum)} ${sum.currency}`)).toEqual(['0.16 EUR', '0.08 USD']);
});
