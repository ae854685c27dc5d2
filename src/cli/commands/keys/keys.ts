/** keys init, list, add-recipient. */
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { cliError } from '../../../errors/cli';
import { isHoldfastError } from '../../../errors/holdfast-error';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { load } from '../../lazy';
import { formatTime } from '../../output/format';
import { renderFacts, renderTable } from '../../output/table';

/** Where `keys init` puts the folder when neither an argument nor the configuration says. */
const DEFAULT_DIR = 'holdfast-keys';

/** The folder of keys: as stated, else as configured, else ./holdfast-keys. */
export async function keysDir(context: CliContext, given: string | undefined): Promise<string> {
  if (given !== undefined) return resolve(given);
  try {
    const { keys } = await context.config();
    return keys.repository.endsWith('.json') ? dirname(keys.repository) : keys.repository;
  } catch (error) {
    if (isHoldfastError(error, 'CLI_CONFIG_NOT_FOUND')) return resolve(DEFAULT_DIR);
    throw error;
  }
}

const DIR_ARGUMENT = ['[folder]', 'folder of keys (as configured, else ./holdfast-keys)'] as const;

export const keysInit: Verb = (parent, cli) =>
  parent
    .command('init')
    .argument(...DIR_ARGUMENT)
    .description('make the keys of a new repository in a new folder; never replaces any')
    .action(
      action(cli, 'none', async (context, _options, given?: string) => {
        const folder = await keysDir(context, given);
        const description = await load.keys().initKeys(folder);
        return {
          data: {
            folder,
            repositoryId: description.repositoryId,
            recipients: description.recipients,
            files: load.keys().KEY_FILES,
          },
          text: [
            `made the keys of repository ${description.repositoryId} in ${folder}`,
            '',
            '  repository.json        public: recipients and verify keys',
            '  id.key, signing.key    for machines that back up',
            '  identity.txt           for machines that verify and restore',
            '  offline-identity.txt   opens everything when all else is lost',
            '',
            `Now move ${folder}/offline-identity.txt to a place that no server reaches.`,
            'Without an identity no backup can ever be read again.',
          ].join('\n'),
        };
      }),
    );

export const keysList: Verb = (parent, cli) =>
  parent
    .command('list')
    .argument(...DIR_ARGUMENT)
    .description('who can read new backups, whose signatures are trusted, which key files are here')
    .action(
      action(cli, 'view', async (context, _options, given?: string) => {
        const folder = await keysDir(context, given);
        const description = await load.keys().listKeys(folder);
        const { colors } = context.ui;
        const offline = description.present.includes('offline-identity.txt');
        return {
          data: { folder, ...description },
          text: [
            renderFacts(
              [
                ['folder', folder],
                ['repository', description.repositoryId],
                ['made', formatTime(description.createdAt)],
                ['revision', String(description.revision)],
                ['signed by', description.verifyKeys.join('\n')],
                ['files here', description.present.join(', ')],
              ],
              colors.dim,
            ),
            renderTable(
              description.recipients,
              [
                { title: 'RECIPIENT', get: (entry) => entry.recipient },
                { title: 'LABEL', get: (entry) => entry.label },
                { title: 'ADDED', get: (entry) => formatTime(entry.addedAt) },
              ],
              colors.dim,
            ),
            ...(offline
              ? [colors.yellow('offline-identity.txt is still here: move it to a place that no server reaches')]
              : []),
          ].join('\n\n'),
        };
      }),
    );

interface AddOptions {
  readonly label: string;
  readonly recipient?: string;
  readonly out?: string;
}

export const keysAddRecipient: Verb = (parent, cli) =>
  parent
    .command('add-recipient')
    .argument(...DIR_ARGUMENT)
    .description('let one more identity read the backups made from now on')
    .requiredOption('-l, --label <text>', 'whose it is: "restore host", "offline 2027"')
    .option('-r, --recipient <age1…>', 'public recipient of an identity that exists; without it a new identity is made')
    .option('-o, --out <file>', 'where the new identity is written (mode 0600)')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast keys add-recipient --label "offline 2027" --out /media/usb/offline-2027.txt\n  holdfast keys add-recipient --label auditor --recipient age1…',
    )
    .action(
      action<AddOptions>(cli, 'administer', async (context, options, given?: string) => {
        const folder = await keysDir(context, given);
        if (options.recipient === undefined && options.out === undefined) {
          throw cliError('CLI_USAGE', 'a new identity needs a file to be written to', {
            hint: 'pass --out FILE, or --recipient age1… for an identity that exists',
          });
        }
        // The file is made first: an identity that could not be written must not become a recipient.
        if (options.recipient === undefined) await createNew(options.out!);
        const { label, recipient } = options;
        const { description, identityFile } = await load
          .keys()
          .addRecipient(folder, { label, ...(recipient === undefined ? {} : { recipient }) });
        if (identityFile !== null) await writeFile(options.out!, identityFile, { mode: 0o600 });
        const added = description.recipients.at(-1)!;
        return {
          data: {
            folder,
            added,
            revision: description.revision,
            identityFile: identityFile === null ? null : resolve(options.out!),
          },
          text: [
            `added ${added.recipient} (${label})`,
            ...(identityFile === null ? [] : [`its identity is in ${resolve(options.out!)}`]),
            'Backups made from now on can be read with it; give workers the new repository.json.',
          ].join('\n'),
        };
      }),
    );

async function createNew(file: string): Promise<void> {
  await writeFile(file, '', { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw cliError('CLI_FILE_EXISTS', '', { context: { file } });
    throw error;
  });
}
