/** config check, schema, example. */
import { action, type Verb } from '../../command';
import { findConfig } from '../../config-file';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { checkSecrets } from '../../check-secrets';
import { plural } from '../../output/format';
import { starterConfig } from '../../starter-config';

export const configCheck: Verb = (parent, cli) =>
  parent
    .command('check')
    .argument('[file]', 'the file to check (the configuration in use, unless stated)')
    .description('name every fault of the configuration with its path and line; opens no connection')
    .option('--secrets', 'also check that every secret it refers to can be read here')
    .action(
      action<{ secrets?: boolean }>(cli, async (context, options, given?: string) => {
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
            ok: missing.length === 0,
            faults: [],
            missingSecrets: missing,
            databases: databases.map((d) => d.name),
            stores: stores.map((s) => s.name),
          },
          text: [`${colors.green('ok')} ${file}: ${facts.join(', ')}`, ...missing.map((line) => colors.red(line))].join(
            '\n',
          ),
          exitCode: missing.length === 0 ? EXIT.ok : EXIT.usage,
        };
      }),
    );

export const configSchemaCommand: Verb = (parent, cli) =>
  parent
    .command('schema')
    .description('print the JSON Schema of holdfast.yaml, for editors')
    .action(
      action(cli, () => {
        const schema = load.jsonSchema().configJsonSchema();
        return Promise.resolve({ data: schema, text: JSON.stringify(schema, null, 2) });
      }),
    );

export const configExample: Verb = (parent, cli) =>
  parent
    .command('example')
    .description('print a commented holdfast.yaml')
    .action(
      action(cli, () => {
        const text = starterConfig({ database: 'shop' });
        return Promise.resolve({ data: { file: 'holdfast.yaml', text }, text: text.trimEnd() });
      }),
    );
