/**
 * Amounts of money and prices, exact: whole numbers of 10^-12 of a currency's unit, never a binary fraction. Prices are
 * decimal text as the price list states them; a product is rounded once, half up, at the twelfth decimal.
 */

/** An amount: `units` of 10^-12 of the currency. */
export interface Money {
  readonly currency: string;
  readonly units: bigint;
}

export const DECIMALS = 12;
const SCALE = 10n ** BigInt(DECIMALS);
const DECIMAL = /^(\d{1,12})(?:\.(\d{1,12}))?$/;

/** True for a non-negative decimal with at most 12 digits on each side of the point. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text);
}

/** `0.0049` → 4900000000. Throws RangeError on anything else than `isDecimal`. */
export function decimalUnits(text: string): bigint {
  const match = DECIMAL.exec(text);
  if (!match) throw new RangeError(`not a price [text=${text}]`);
  return BigInt(match[1]!) * SCALE + BigInt((match[2] ?? '').padEnd(DECIMALS, '0'));
}

/** A number as YAML gives it, as decimal text; null where it is negative, not finite, or finer than 12 decimals. */
export function decimalOf(value: number): string | null {
  if (!Number.isFinite(value) || value < 0) return null;
  const text = String(value);
  const plain = text.includes('e') ? value.toFixed(DECIMALS).replace(/\.?0+$/, '') : text;
  return isDecimal(plain) && Number(plain) === value ? plain : null;
}

export const zero = (currency: string): Money => ({ currency, units: 0n });

/** Throws RangeError when the currencies differ: there is no rate here. */
export function addMoney(a: Money, b: Money): Money {
  if (a.currency !== b.currency) throw new RangeError(`two currencies [${a.currency}, ${b.currency}]`);
  return { currency: a.currency, units: a.units + b.units };
}

/** price × quantity ÷ per, rounded half up once. `quantity` and `per` are whole; `per` is above 0. */
export function priced(currency: string, price: string, quantity: bigint, per: bigint): Money {
  const product = decimalUnits(price) * (quantity < 0n ? 0n : quantity);
  return { currency, units: (product * 2n + per) / (per * 2n) };
}

/** `0.0123`: plain decimal text without trailing zeros, exact. */
export function moneyText({ units }: Money): string {
  const whole = units / SCALE;
  const rest = (units % SCALE).toString().padStart(DECIMALS, '0').replace(/0+$/, '');
  return rest === '' ? whole.toString() : `${whole}.${rest}`;
}

/** `0.0123 EUR`: for people, rounded half up to at least two and at most four decimals; `<0.0001` for what is less. */
export function moneyLabel({ units, currency }: Money): string {
  const step = SCALE / 10_000n;
  if (units > 0n && units * 2n < step) return `<0.0001 ${currency}`;
  const rounded = (units * 2n + step) / (step * 2n);
  const digits = (rounded % 10_000n)
    .toString()
    .padStart(4, '0')
    .replace(/0{1,2}$/, '');
  return `${rounded / 10_000n}.${digits} ${currency}`;
}
