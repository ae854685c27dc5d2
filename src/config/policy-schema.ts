/** The rule that copies are held to: the root's `policy`, and a database's own. */
import { z } from 'zod';

export const policySchema = z.strictObject({
  copies: z.int().min(1).max(32).default(3).describe('copies of each backup, in good state'),
  media: z.int().min(0).max(32).default(2).describe('different kinds of media or providers among them'),
  offsite: z.int().min(0).max(32).default(1).describe('of them at stores with the role offsite'),
});

/** A database's own rule, whole; `none` frees it from the root's. */
export const databasePolicySchema = z.union([policySchema, z.literal('none')]);
