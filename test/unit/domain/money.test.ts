import * as fc from 'fast-check';
import {
  addMoney,
  decimalOf,
  decimalUnits,
  isDecimal,
  moneyLabel,
  moneyText,
  priced,
  zero,
} from '../../../src/domain/money';

const units = fc.bigInt({ min: 0n, max: 10n ** 22n });
const eur = (amount: bigint) => ({ currency: 'EUR', units: amount });
const price = fc
  .tuple(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: 0, max: 999_999 }))
  .map(([whole, part]) => `${whole}.${String(part).padStart(6, '0')}`);

describe('prices', () => {
  it.each([
    ['0', 0n],
    ['0.0049', 4_900_000_000n],
    ['23', 23_000_000_000_000n],
    ['0.000000000001', 1n],
  ])('%s is exact', (text, expected) => expect(decimalUnits(text)).toBe(expected));

  it.each(['', '-1', '1e-3', '1.', '.5', '0.0000000000001', '1,5', 'NaN'])('%s is none', (text) => {
    expect(isDecimal(text)).toBe(false);
    expect(() => decimalUnits(text)).toThrow(RangeError);
  });

  it.each([
    [0.023, '0.023'],
    [0, '0'],
    [5e-7, '0.0000005'],
    [-0.1, null],
    [NaN, null],
    [Infinity, null],
    [1e-13, null],
  ])('the number %s is the text that was written', (value, expected) => expect(decimalOf(value)).toBe(expected));
});

describe('money', () => {
  it('prints and reads back to the same amount', () => {
    fc.assert(fc.property(units, (amount) => expect(decimalUnits(moneyText(eur(amount)))).toBe(amount)));
  });

  it('adds without losing anything, in any order', () => {
    fc.assert(
      fc.property(fc.array(units, { maxLength: 20 }), (amounts) => {
        const forward = amounts.map(eur).reduce(addMoney, zero('EUR'));
        const backward = [...amounts].reverse().map(eur).reduce(addMoney, zero('EUR'));
        expect(forward).toEqual(backward);
        expect(forward.units).toBe(amounts.reduce((sum, amount) => sum + amount, 0n));
      }),
    );
  });

  it('is off by half of its smallest unit at most, whatever price and quantity', () => {
    fc.assert(
      fc.property(price, fc.bigInt(0n, 10n ** 15n), fc.bigInt(1n, 10n ** 12n), (text, quantity, per) => {
        const exact = decimalUnits(text) * quantity;
        const off = priced('EUR', text, quantity, per).units * per - exact;
        expect((off < 0n ? -off : off) * 2n).toBeLessThanOrEqual(per);
      }),
    );
  });

  it('of two currencies is never added', () => {
    expect(() => addMoney(zero('EUR'), zero('USD'))).toThrow(RangeError);
  });

  it.each([
    [0n, '0.00 EUR'],
    [1n, '<0.0001 EUR'],
    [50_000_000n, '0.0001 EUR'],
    [1_230_000_000_000n, '1.23 EUR'],
    [12_345_000_000_000n, '12.345 EUR'],
    [999_999_999_999n, '1.00 EUR'],
  ])('%s units are shown as %s', (amount, text) => expect(moneyLabel(eur(amount))).toBe(text));
});
