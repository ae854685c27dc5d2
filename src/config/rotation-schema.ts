/** `verification.rotation` and `verification.intact`: proofs that do not wait for a backup. */
import { z } from 'zod';
import { PROOF_GRADES } from '../domain/names';
import { duration, size } from './fields';
import { oneOfTimes, scheduleManners, scheduleTimes } from './schedule-fields';
import { parseDuration } from './units';

export const rotationSchema = z
  .strictObject({
    ...scheduleTimes,
    grade: z.enum(PROOF_GRADES).default('exact').describe('how far each turn proves its copy'),
    newest: z.int().min(1).max(1_000).default(3).describe('so many of the newest backups take part'),
    maxAge: duration
      .default(parseDuration('30d')!)
      .describe('a copy whose last proof is older is overdue: it goes first, and is counted in metrics'),
    ...scheduleManners,
  })
  .refine(...oneOfTimes);

export const intactSchema = z
  .strictObject({
    ...scheduleTimes,
    cycle: duration
      .default(parseDuration('30d')!)
      .describe('within this time every object at every store is read once; each run reads the share that is due'),
    maxBytesPerSecond: size.optional().describe('read no faster from each store, e.g. 20MB/s; absent = no limit'),
    ...scheduleManners,
  })
  .refine(...oneOfTimes);
