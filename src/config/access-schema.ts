/** Who may do what: tokens by the hash of each, so that the configuration holds no secret. */
import { z } from 'zod';
import { ROLES } from '../domain/access';
import { name } from './fields';

/** `2027-01-01` is midnight UTC as that day begins. */
const moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'a date such as 2027-01-01, or a time such as 2027-01-01T06:00:00Z',
  })
  .transform((text) => Date.parse(text));

export const accessSchema = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: name.describe('who or what holds it; stands in the audit log and in the history of runs'),
        roles: z
          .array(z.enum(ROLES))
          .min(1)
          .describe('what it may do; operate and restore include view, administer includes operate'),
        hash: z
          .string()
          .regex(/^sha256:[0-9a-f]{64}$/, {
            error: 'the hash of a token, sha256: and 64 hexadecimal digits, as `holdfast access token` prints it',
          })
          .describe('printed by `holdfast access token`; the token itself stands nowhere'),
        expires: moment.optional().describe('from then on it is refused; a date begins at midnight UTC'),
      }),
    )
    .min(1)
    .describe('the tokens that are accepted'),
  metrics: z
    .enum(['token', 'open'])
    .default('token')
    .describe(
      'whether the Prometheus endpoint of a worker asks for a token (as `Authorization: Bearer`) that may view',
    ),
});

/** As loaded; `expires` in milliseconds since the epoch. */
export type AccessConfig = z.output<typeof accessSchema>;
export type AccessToken = AccessConfig['tokens'][number];
