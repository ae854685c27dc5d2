import { resolve } from 'node:path';
import { action, type Verb } from '../../command';
import { load } from '../../lazy';
import { keysDir } from './keys';

interface KitOptions {
  readonly out: string;
  readonly identity?: string;
}

export const keysKit: Verb = (parent, cli) =>
  parent
    .command('kit')
    .argument('[folder]', 'folder of keys (as configured, else ./holdfast-keys)')
    .description('write the recovery kit: identity, format and a script that restores with age, zstd and psql alone')
    .requiredOption('-o, --out <folder>', 'a new or empty folder')
    .option('-i, --identity <file>', 'identity to put in (the offline one where it is still here, else identity.txt)')
    .addHelpText('after', '\nExample:\n  holdfast keys kit --out /media/usb/holdfast-kit')
    .action(
      action<KitOptions>(cli, 'administer', async (context, options, given?: string) => {
        const folder = await keysDir(context, given);
        const out = resolve(options.out);
        const files = await load.kit().writeKit({
          dir: out,
          keysDir: folder,
          ...(options.identity === undefined ? {} : { identityFile: resolve(options.identity) }),
        });
        return {
          data: { folder: out, files },
          text: [
            `wrote ${files.join(', ')} to ${out}`,
            'Whoever has this folder can read every backup: keep it offline, in two places, and try it once a year.',
          ].join('\n'),
        };
      }),
    );
