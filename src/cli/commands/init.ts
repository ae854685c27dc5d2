import { access, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { isName } from '../../domain/names';
import { cliError } from '../../errors/cli';
import { action, type Verb } from '../command';
import { DEFAULT_CONFIG } from '../config-file';
import { load } from '../lazy';
import { starterConfig } from '../starter-config';

function nameArgument(text: string): string {
  if (!isName(text)) throw new InvalidArgumentError('Write a name of a-z, 0-9, _ and -.');
  return text;
}

export const init: Verb = (parent, cli) =>
  parent
    .command('init')
    .description('write a commented holdfast.yaml to start from, and its schema for editors')
    .option('-d, --database <name>', 'name of the first database', nameArgument, 'shop')
    .action(
      action<{ database: string }>(cli, 'none', async (context, options) => {
        const file = resolve(context.options.config ?? DEFAULT_CONFIG);
        const schemaFile = join(dirname(file), 'holdfast.schema.json');
        await writeFile(file, starterConfig({ database: options.database }), { flag: 'wx', mode: 0o644 }).catch(
          (error: NodeJS.ErrnoException) => {
            if (error.code === 'EEXIST') throw cliError('CLI_FILE_EXISTS', '', { context: { file } });
            throw error;
          },
        );
        const hadSchema = await access(schemaFile).then(
          () => true,
          () => false,
        );
        if (!hadSchema)
          await writeFile(schemaFile, `${JSON.stringify(load.jsonSchema().configJsonSchema(), null, 2)}\n`);
        const variable = `${options.database.toUpperCase().replaceAll('-', '_')}_URL`;
        return {
          data: { file, schema: schemaFile },
          text: [
            `wrote ${file}`,
            '',
            'Next:',
            `  1. holdfast keys init                       # makes the keys; keep the offline one away from here`,
            `  2. export ${variable}=postgresql://USER:PASSWORD@HOST/DATABASE`,
            '  3. holdfast up                              # everything on this machine; leave it running',
            `  4. holdfast backup run ${options.database} --type full   # in another terminal`,
          ].join('\n'),
        };
      }),
    );
