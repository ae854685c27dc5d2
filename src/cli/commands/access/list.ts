/** access list: who may do what, and who asks. */
import { isExpired, recognise } from '../../../config/access-tokens';
import { ROLES, type Role } from '../../../domain/access';
import { meets } from '../../../domain/access';
import { action, type Verb } from '../../command';
import { presentedToken } from '../../gate';
import { formatTime, NONE } from '../../output/format';
import { renderTable } from '../../output/table';

interface Listed {
  readonly name: string;
  readonly roles: readonly Role[];
  /** What they amount to: roles and what they include. */
  readonly may: readonly Role[];
  readonly expires: string | null;
  readonly expired: boolean;
  /** Presented with this command. */
  readonly yours: boolean;
}

export const accessList: Verb = (parent, cli) =>
  parent
    .command('list')
    .description('the tokens that are accepted, what each may do and until when, and which of them is yours')
    .action(
      action(cli, 'view', async (context) => {
        const { access } = await context.config();
        if (access === undefined)
          return {
            data: { configured: false, you: context.who, metrics: 'open', tokens: [] },
            text: 'access is not configured: whoever can read holdfast.yaml and reach the services may do everything',
          };
        const presented = await presentedToken();
        const own = presented === null ? null : recognise(access.tokens, presented);
        const now = context.ui.now();
        const tokens = access.tokens.map((token): Listed => ({
          name: token.name,
          roles: token.roles,
          may: ROLES.filter((role) => meets(token.roles, role)),
          expires: token.expires === undefined ? null : new Date(token.expires).toISOString(),
          expired: isExpired(token, now),
          yours: token === own,
        }));
        const { colors } = context.ui;
        return {
          data: { configured: true, you: context.who, metrics: access.metrics, tokens },
          text: renderTable<Listed>(
            tokens,
            [
              { title: 'TOKEN', get: ({ name, yours }) => (yours ? `${colors.bold(name)} (yours)` : name) },
              { title: 'MAY', get: ({ may }) => may.join(', ') },
              {
                title: 'EXPIRES',
                get: ({ expires, expired }) =>
                  expires === null
                    ? NONE
                    : expired
                      ? colors.red(`expired ${formatTime(expires)}`)
                      : formatTime(expires),
              },
            ],
            colors.dim,
          ),
        };
      }),
    );
