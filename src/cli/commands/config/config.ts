/** config check, schema, example. */
import { action, type Verb } from '../../command';
import { findConfig } from '../../config-file';
import { EXIT } from '../../exit-codes';
import { load, secrets } from '../../lazy';
import { plural } from '../../output/format';
import { reportError } from '../../output/errors';
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
        const missing = options.secrets ? await unreadableSecrets(result.config) : [];
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

/** Every `env:` and `file:` reference in the configuration that cannot be resolved in this process. */
async function unreadableSecrets(config: unknown): Promise<readonly string[]> {
  const references = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value === 'string' && /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/.test(value)) references.add(value);
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  walk(config);
  const faults = await Promise.all(
    [...references].map((reference) =>
      secrets(reference).then(
        () => null,
        (error: unknown) => reportError(error).message,
      ),
    ),
  );
  return faults.filter((fault) => fault !== null);
}

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
