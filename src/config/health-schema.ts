/** The section `health` of holdfast.yaml: how stores are watched. */
import { z } from 'zod';
import { duration } from './fields';
import { parseDuration } from './units';

const share = z.number().min(0).max(1);

export const healthSchema = z.strictObject({
  watch: z
    .boolean()
    .default(true)
    .describe('probe each store all the time; without it each run finds out for itself which stores answer'),
  interval: duration.default(parseDuration('30s')!).describe('between two probes of a store'),
  timeout: duration.default(parseDuration('10s')!).describe('of one probe; no answer by then counts as a failure'),
  slowAfter: duration
    .default(parseDuration('5s')!)
    .describe('a good answer that takes longer counts in part: a store that is only slow is degraded, never down'),
  window: z.int().min(1).max(100).default(5).describe('answers that the moving average remembers, about'),
  degradedBelow: share.default(0.6).describe('share of good answers below which a store is degraded'),
  downBelow: share.default(0.3).describe('share below which it is down, and its breaker opens'),
  recovery: share.default(0.1).describe('how far above a limit the share must rise again, so that states do not flap'),
  openAfter: z.int().min(1).max(100).default(3).describe('failures in a row that open the breaker'),
  openFor: duration
    .default(parseDuration('60s')!)
    .describe('how long an open breaker keeps everybody away before one trial'),
  patience: duration
    .default(parseDuration('24h')!)
    .describe(
      'how long a backup waits while the breaker of every one of its stores is open; then it tries them all, and fails where none answers',
    ),
  closeAfter: z.int().min(1).max(100).default(2).describe('good trials in a row that close it again'),
});
