/** `quota` and `price` of a store in holdfast.yaml. */
import { z } from 'zod';
import { price, share, size } from './fields';

export const quotaSchema = z.strictObject({
  maxBytes: size.optional().describe('what the store may hold; absent = no limit'),
  maxObjects: z.int().min(1).optional().describe('how many objects it may hold; absent = no limit'),
  warnAt: share.default(0.8).describe('share of a limit from which on it is warned'),
  stopAt: share.default(0.95).describe('share of a limit beyond which nothing more is written; above warnAt'),
});

const minimumDays = z.int().min(0).max(3650);
const MEANS = {
  storagePerGbMonth: 'of keeping a GB (10^9 bytes) for a month',
  per1000Writes: 'of a thousand puts or listing pages',
  per1000Reads: 'of a thousand gets or heads',
  egressPerGb: 'of reading a GB',
  minimumDays: 'days that an object is charged for at least',
};

/** What the class does not state is as for the others. */
const classRates = z.strictObject({
  storagePerGbMonth: price.optional().describe(MEANS.storagePerGbMonth),
  per1000Writes: price.optional().describe(MEANS.per1000Writes),
  per1000Reads: price.optional().describe(MEANS.per1000Reads),
  egressPerGb: price.optional().describe(MEANS.egressPerGb),
  minimumDays: minimumDays.optional().describe(MEANS.minimumDays),
});

export const priceSchema = z.strictObject({
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, { error: 'an ISO 4217 code of three capital letters, such as EUR' })
    .describe('of all prices here'),
  storagePerGbMonth: price.default('0').describe(MEANS.storagePerGbMonth),
  per1000Writes: price.default('0').describe(MEANS.per1000Writes),
  per1000Reads: price.default('0').describe(MEANS.per1000Reads),
  egressPerGb: price.default('0').describe(MEANS.egressPerGb),
  minimumDays: minimumDays.default(0).describe(MEANS.minimumDays),
  classes: z
    .record(z.string().min(1), classRates)
    .default({})
    .describe('prices that differ for a storage class, by its name; the store is charged by its own class'),
});
