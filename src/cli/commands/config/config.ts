/** config check, schema, example. */
import { action, type Verb } from '../../command';
import { findConfig } from '../../config-file';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { checkPolicy } from '../../check-policy';
import { checkSecrets } from '../../check-secrets';
import { plural } from '../../output/format';
import { starterConfig } from '../../starter-config';

export const configCheck: Verb = (parent, cli) =>
  parent
    .command('check')
    .argument('[file]', 'the file to check (the configuration in use, unless stated)')
    .description(
      'name every fault of the configuration with its path and line, and what its stores cannot do for the copy policy; opens no connection',
    )
    .option('--secrets', 'also check that every secret it refers to can be read here')
    .action(
      action<{ secrets?: boolean }>(cli, 'none', async (context, options, given?: string) => {
        const { describeFaults, parseConfig, readConfigText } = load.config();
        const file = findConfig(given ?? context.options.config);
        const result = parseConfig(await readConfigText(file), file);
        const { colors } = context.ui;
        if (!result.ok) {
          return {
            data: { file, ok: false, faults: result.faults },
            text: `${colors.red(`${plural(result.faults.length, 'fault')} in ${file}`)}\n${describeFaults(result.faults, file)}`,
            exitCode: EXIT.usage,
          };
        }
        const missing = options.secrets ? (await checkSecrets(result.config)).unreadable : [];
        const { impossible, warnings: policyWarnings } = await checkPolicy(result.config);
        const ok = missing.length === 0 && impossible.length === 0;
        const { databases, stores } = result.config;
        const schedules = databases.flatMap((database) => database.schedules);
        const facts = [
          plural(databases.length, 'database'),
          plural(stores.length, 'store'),
          plural(schedules.length, 'schedule'),
        ];
        return {
          data: {
            file,
            ok,
            faults: [],
            warnings: result.warnings,
            missingSecrets: missing,
            policy: { impossible, warnings: policyWarnings },
            databases: databases.map((d) => d.name),
            stores: stores.map((s) => s.name),
          },
          text: [
            `${ok ? colors.green('ok') : colors.red('not ok')} ${file}: ${facts.join(', ')}`,
            ...missing.map((line) => colors.red(line)),
            ...impossible.map(({ database, sentence }) => colors.red(`policy of ${database}: ${sentence}`)),
            ...[...policyWarnings, ...result.warnings.map((warning) => describeFaults([warning], file))].map(
              (warning) => `${colors.yellow('warning:')} ${warning}`,
            ),
          ].join('\n'),
          exitCode: ok ? EXIT.ok : EXIT.usage,
        };
      }),
    );

export const configSchemaCommand: Verb = (parent, cli) =>
  parent
    .command('schema')
    .description('print the JSON Schema of holdfast.yaml, for editors')
    .action(
      action(cli, 'none', () => {
        const schema = load.jsonSchema().configJsonSchema();
        return Promise.resolve({ data: schema, text: JSON.stringify(schema, null, 2) });
      }),
    );

export const configExample: Verb = (parent, cli) =>
  parent
    .command('example')
    .description('print a commented holdfast.yaml')
    .action(
      action(cli, 'none', () => {
        const text = starterConfig({ database: 'shop', timeZone: 'UTC' });
        return Promise.resolve({ data: { file: 'holdfast.yaml', text }, text: text.trimEnd() });
      }),
    );
