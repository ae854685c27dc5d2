import * as fc from 'fast-check';
import {
  backupCost,
  cheapestFirst,
  egressCost,
  MONTH_MS,
  monthlyStorageCost,
  periodCost,
  pricesFor,
  readBackCost,
  storageCost,
  totals,
  type PriceTable,
  type SourcePrice,
} from '../../../src/domain/cost';
import { costReport, monthOf } from '../../../src/domain/cost-report';
import { moneyText } from '../../../src/domain/money';
import type { UsageRow } from '../../../src/domain/usage';

const GB = 1_000_000_000;
const DAY = 86_400_000;
const TABLE: PriceTable = {
  currency: 'USD',
  storagePerGbMonth: '0.023',
  per1000Writes: '0.005',
  per1000Reads: '0.0004',
  egressPerGb: '0.09',
  minimumDays: 0,
  classes: { STANDARD_IA: { storagePerGbMonth: '0.0125', per1000Writes: '0.01', minimumDays: 30 } },
};
const STANDARD = pricesFor(TABLE, null);

describe('the prices of a store', () => {
  it('are those of its storage class, and the common ones for what the class does not state', () => {
    expect(pricesFor(TABLE, 'STANDARD_IA')).toEqual({
      currency: 'USD',
      storagePerGbMonth: '0.0125',
      per1000Writes: '0.01',
      per1000Reads: '0.0004',
      egressPerGb: '0.09',
      minimumDays: 30,
    });
  });
  it.each([null, 'STANDARD', 'toString'])('are the common ones for the class %s', (name) => {
    expect(pricesFor(TABLE, name)).toMatchObject({ storagePerGbMonth: '0.023', minimumDays: 0 });
  });
});

describe('costs', () => {
  it('of storage go by bytes and time', () => {
    expect(moneyText(storageCost(STANDARD, 100 * GB, MONTH_MS))).toBe('2.3');
    expect(moneyText(storageCost(STANDARD, 100 * GB, MONTH_MS / 2))).toBe('1.15');
    expect(moneyText(monthlyStorageCost(STANDARD, 100 * GB))).toBe('2.3');
  });
  it('of storage are never less than the minimum time of the class', () => {
    const class_ = pricesFor(TABLE, 'STANDARD_IA');
    expect(storageCost(class_, GB, DAY)).toEqual(storageCost(class_, GB, 30 * DAY));
    expect(storageCost(class_, GB, 31 * DAY).units).toBeGreaterThan(storageCost(class_, GB, 30 * DAY).units);
  });
  it('of a backup are its new bytes for as long as they stay, and its requests', () => {
    const cost = backupCost(STANDARD, { newBytes: 10 * GB, keptMs: MONTH_MS, writes: 2_000, reads: 500 });
    expect([cost.storage, cost.requests, cost.total].map(moneyText)).toEqual(['0.23', '0.0102', '0.2402']);
  });
  it('of reading back are egress and one read an object', () => {
    expect(moneyText(readBackCost(STANDARD, { bytes: 50 * GB, objects: 10_000 }))).toBe('4.504');
    expect(moneyText(egressCost(STANDARD, 1))).toBe('0.00000000009');
  });
  it('of two currencies are summed apart', () => {
    const euro = { currency: 'EUR', units: 5n };
    expect(totals([euro, { currency: 'USD', units: 1n }, euro])).toEqual([
      { currency: 'EUR', units: 10n },
      { currency: 'USD', units: 1n },
    ]);
  });
  it('grow with whatever is used more, and nothing costs nothing', () => {
    const use = fc.record({
      bytes: fc.nat(1e12),
      ms: fc.nat(MONTH_MS),
      writes: fc.nat(1e6),
      reads: fc.nat(1e6),
      receivedBytes: fc.nat(1e12),
    });
    fc.assert(
      fc.property(use, use, (a, b) => {
        const sum = { ...a, writes: a.writes + b.writes, reads: a.reads + b.reads, bytes: a.bytes + b.bytes };
        expect(periodCost(STANDARD, sum).total.units).toBeGreaterThanOrEqual(periodCost(STANDARD, a).total.units);
        const { storage, requests, egress, total } = periodCost(STANDARD, a);
        expect(total.units).toBe(storage.units + requests.units + egress.units);
      }),
    );
    const nothing = { bytes: 0, ms: MONTH_MS, writes: 0, reads: 0, receivedBytes: 0 };
    expect(periodCost(STANDARD, nothing).total.units).toBe(0n);
  });
});

describe('the order of sources', () => {
  const egress = (prices: Record<string, SourcePrice>) => (store: string) => prices[store] ?? null;
  const eur = (egressPerGb: string) => ({ currency: 'EUR', egressPerGb });
  const equal = () => 0;
  it('is cheapest first, and a store without a price is read for nothing', () => {
    const priceOf = egress({ far: eur('0.12'), near: eur('0.02') });
    expect(cheapestFirst(['far', 'near', 'disk'], equal, priceOf)).toEqual(['disk', 'near', 'far']);
  });
  it('never puts a worse copy first because it is cheap', () => {
    const rank = (store: string) => (store === 'far' ? 0 : 1);
    expect(cheapestFirst(['near', 'far'], rank, egress({ far: eur('9') }))).toEqual(['far', 'near']);
  });
  it('stays without prices, and with prices in two currencies', () => {
    expect(cheapestFirst(['b', 'a'], equal, () => null)).toEqual(['b', 'a']);
    const mixed = egress({ b: eur('9'), a: { currency: 'USD', egressPerGb: '1' } });
    expect(cheapestFirst(['b', 'a'], equal, mixed)).toEqual(['b', 'a']);
  });
});

describe('the cost of a month', () => {
  const { from, to } = monthOf('2026-11')!;
  const row = (day: number, bytes: number, database = 'shop'): UsageRow => ({
    store: 's3',
    database,
    at: new Date(Date.UTC(2026, 10, day)),
    bytes,
    objects: 1,
    source: 'measured',
  });
  const input = { store: 's3', prices: STANDARD, from, to, rows: [row(1, 100 * GB)], transfers: [], backups: [] };

  it('so far is the time that has passed, and projected is the whole of it', () => {
    const half = costReport({ ...input, now: new Date(Date.UTC(2026, 10, 16)) });
    const whole = costReport({ ...input, now: new Date(Date.UTC(2026, 11, 24)) });
    // Each of the two halves is rounded once.
    expect([0n, 1n]).toContain(half.period.total.units * 2n - whole.period.total.units);
    expect([0n, 1n]).toContain(half.projected.units - whole.period.total.units);
    expect(whole.projected).toEqual(whole.period.total);
    expect(moneyText(half.perMonth)).toBe('2.3');
  });
  it('counts what stands there while it stands there', () => {
    const rows = [row(1, 0), row(16, 200 * GB)];
    const grown = costReport({ ...input, rows, now: to });
    expect(grown.period.storage).toEqual(costReport({ ...input, now: to }).period.storage);
  });
  it('is split by database without losing anything', () => {
    const rows = [row(1, 30 * GB, 'shop'), row(1, 70 * GB, 'crm')];
    const transfers = [{ database: 'crm', writes: 1_000, reads: 10, receivedBytes: GB }];
    const report = costReport({ ...input, rows, transfers, now: to });
    expect(report.databases.map(({ database }) => database)).toEqual(['crm', 'shop']);
    expect(report.databases.reduce((sum, { total }) => sum + total.units, 0n)).toBe(report.period.total.units);
    expect(moneyText(report.period.egress)).toBe('0.09');
  });
  it.each(['2026-13', '2026-1', '11-2026', ''])('%s is no month', (text) => expect(monthOf(text)).toBeNull());
});
