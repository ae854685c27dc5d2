/** access token: makes one, shows it once, and says what to put into holdfast.yaml. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { newToken, tokenHash } from '../../../config/access-tokens';
import { accessSchema } from '../../../config/access-schema';
import { ROLES, type Role } from '../../../domain/access';
import { cliError } from '../../../errors/cli';
import { action, type Verb } from '../../command';

interface TokenOptions {
  readonly role: readonly Role[];
  readonly expires?: string;
  readonly out?: string;
}

export const accessToken: Verb = (parent, cli) =>
  parent
    .command('token')
    .argument('<name>', 'who or what will hold it, such as oncall or prometheus')
    .description('make a token, show it once, and print what to put under access.tokens; changes nothing by itself')
    .requiredOption('-r, --role <names>', `${ROLES.join(', ')}; repeat or separate by commas`, rolesArgument)
    .option('--expires <when>', 'a date or a time from which on it is refused, such as 2027-01-01')
    .option('-o, --out <file>', 'write the token to a new file of mode 0600 instead of showing it')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast access token oncall --role operate\n  holdfast access token prometheus --role view --out /etc/prometheus/holdfast-token',
    )
    .action(
      action<TokenOptions>(cli, 'none', async (context, { role: roles, expires, out }, name: string) => {
        const token = newToken();
        const entry = { name, roles, hash: tokenHash(token), ...(expires === undefined ? {} : { expires }) };
        const checked = accessSchema.shape.tokens.element.safeParse(entry);
        if (!checked.success) {
          const [issue] = checked.error.issues;
          throw cliError('CLI_USAGE', `${issue!.path.join('.')}: ${issue!.message}`);
        }
        const file = out === undefined ? null : resolve(out);
        if (file !== null) await writeNew(file, token);
        const { colors } = context.ui;
        return {
          data: { ...entry, token: file === null ? token : null, file },
          text: [
            ...(file === null
              ? [token, '', colors.dim('It is shown this once and kept nowhere: hand it over as HOLDFAST_TOKEN.')]
              : [`wrote the token to ${file}`, '', colors.dim('Name that file in HOLDFAST_TOKEN_FILE.')]),
            colors.dim(
              'This goes under access.tokens in holdfast.yaml; running workers read it when they start again:',
            ),
            '',
            `    - ${stringify(entry, { flowCollectionPadding: false, collectionStyle: 'any' }).trim().replaceAll('\n', '\n      ')}`,
          ].join('\n'),
        };
      }),
    );

function rolesArgument(text: string, previous: readonly Role[] = []): readonly Role[] {
  const names = text.split(',').filter((part) => part !== '');
  const known = (role: string): role is Role => (ROLES as readonly string[]).includes(role);
  if (names.length === 0 || !names.every(known)) throw new InvalidArgumentError(`Write some of ${ROLES.join(', ')}.`);
  return [...new Set([...previous, ...names.filter(known)])];
}

async function writeNew(file: string, token: string): Promise<void> {
  await writeFile(file, `${token}\n`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw cliError('CLI_FILE_EXISTS', '', { context: { file } });
    throw error;
  });
}
