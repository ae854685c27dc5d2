import { dirname, join, resolve } from 'node:path';
import { countArgument } from '../arguments';
import { action, type Verb } from '../command';
import { load } from '../lazy';
import { renderFacts } from '../output/table';
import { STATE_FOLDER } from '../up/state';
import type { UpAddresses } from '../up/run-up';

interface UpCommandOptions {
  readonly state?: string;
  readonly temporal: boolean;
  readonly catalog: boolean;
  readonly temporalPort?: number;
  readonly uiPort?: number;
}

export const up: Verb = (parent, cli) =>
  parent
    .command('up')
    .description('run everything on this machine: Temporal with its Web UI, the catalogue, a worker; Ctrl-C ends it')
    .option('--state <folder>', 'where its data and logs are kept (.holdfast beside the configuration)')
    .option('--no-temporal', 'use the Temporal server that the configuration names')
    .option('--no-catalog', 'use the catalogue that the configuration names')
    .option('--temporal-port <port>', 'of the embedded Temporal server (7233, or any free one)', countArgument)
    .option('--ui-port <port>', 'of its Web UI (8233, or any free one)', countArgument)
    .addHelpText(
      'after',
      `
The catalogue and temporal parts of the configuration are replaced by the embedded services. Other commands find those by
themselves while this runs. Killed at any point, the next \`holdfast up\` ends what was left and goes on.`,
    )
    .action(
      action<UpCommandOptions>(
        cli,
        'none',
        async (context, options) => {
          const configFile = context.configPath();
          const { ui } = context;
          let addresses: UpAddresses | null = null;
          await load.up().runUp({
            configFile,
            stateFolder: resolve(options.state ?? join(dirname(configFile), STATE_FOLDER)),
            temporal: options.temporal,
            catalog: options.catalog,
            ...(options.temporalPort === undefined ? {} : { temporalPort: options.temporalPort }),
            ...(options.uiPort === undefined ? {} : { uiPort: options.uiPort }),
            signal: context.signal,
            who: context.who,
            say: (line) => (ui.json ? ui.err.write(`${JSON.stringify({ say: line })}\n`) : ui.note(line)),
            onReady: (ready) => {
              addresses = ready;
              // Long-running: the one document is printed as soon as everything answers.
              ui.out.write(
                ui.json ? `${JSON.stringify({ ready: true, ...ready }, null, 2)}\n` : `${describe(ready)}\n`,
              );
            },
          });
          return { data: undefined, text: addresses === null ? '' : 'everything has ended' };
        },
        { patient: true },
      ),
    );

function describe(ready: UpAddresses): string {
  return [
    '',
    renderFacts([
      ['Web UI', ready.webUi],
      ['Temporal', ready.temporal],
      ['catalogue', ready.catalog],
      ['state', ready.state],
      ['logs', ready.logs.join('\n')],
    ]),
    '',
    'Everything is up. In another terminal: holdfast backup run, holdfast apply, holdfast doctor. Ctrl-C ends it.',
  ].join('\n');
}
