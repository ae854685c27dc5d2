/** Fields that several sections of holdfast.yaml share. */
import { z } from 'zod';
import { decimalOf, isDecimal } from '../domain/money';
import { isName } from '../domain/names';
import { DURATION, parseDuration, parseSize, SIZE } from './units';

export const duration = z
  .string()
  .regex(DURATION, { error: 'a duration such as 90s, 15m, 6h or 7d' })
  .transform((text) => parseDuration(text)!);
export const size = z
  .string()
  .regex(SIZE, { error: 'a size such as 16MiB, 20MB or 512KiB' })
  .transform((text) => parseSize(text)!);
export const name = z
  .string()
  .refine(isName, { error: 'a name of [a-z0-9_-], at most 63 characters, that starts with a letter or digit' })
  .meta({ pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' });
/** A price: a number or decimal text, kept as text so that no binary fraction creeps in. */
export const price = z
  .union([z.number(), z.string()], { error: 'a price: a number that is not negative, such as 0.0049' })
  .refine((value) => (typeof value === 'number' ? decimalOf(value) !== null : isDecimal(value)), {
    error: 'a price that is not negative, with at most 12 decimals',
  })
  .transform((value) => (typeof value === 'number' ? decimalOf(value)! : value));
/** A share of a whole, above 0, at most 1. */
export const share = z.number().gt(0).max(1);
/** A secret, by reference: `env:NAME` or `file:PATH`. A literal secret is refused. */
export const secretRef = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, { error: 'a reference to a secret: env:NAME or file:PATH' });
export const timeZone = z.string().refine(
  (zone) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone });
      return true;
    } catch {
      return false;
    }
  },
  { error: 'an IANA time zone such as UTC or Europe/Berlin' },
);

export const connectionSchema = z.union([
  z.strictObject({ url: secretRef.describe('reference to a postgresql:// URL, as libpq reads it') }),
  z.strictObject({
    host: z.string().min(1).describe('host name, address, or folder of a Unix socket'),
    port: z.int().min(1).max(65535).default(5432).describe('TCP port, or the number in the name of the Unix socket'),
    database: z.string().min(1).describe('name of the database on the server'),
    user: z.string().min(1).describe('role that connects'),
    password: secretRef.optional().describe('reference to its password'),
    sslmode: z
      .enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'])
      .default('prefer')
      .describe('as in libpq; verify-full is recommended'),
    sslrootcert: z.string().optional().describe('file of the certificates to trust, or `system`'),
    sslcert: z.string().optional().describe('file of the client certificate'),
    sslkey: z.string().optional().describe("file of the client certificate's key"),
  }),
]);
