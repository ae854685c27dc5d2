import { toConnectionTarget } from '../../config/secrets';
import { action, type Verb } from '../command';
import { load } from '../lazy';
import { withSpinner } from '../output/progress';

export const migrateCommand: Verb = (parent, cli) =>
  parent
    .command('migrate')
    .description('bring the schema of the catalogue up to date; workers do it at start as well')
    .action(
      action(cli, 'none', async (context) => {
        const { catalog } = await context.config();
        const target = await toConnectionTarget(catalog.connection, 'catalog');
        const { applied } = await withSpinner(context.ui, 'migrating the catalogue', () =>
          load.migrate().migrate(target, catalog.schema),
        );
        return {
          data: { schema: catalog.schema, applied },
          text:
            applied.length === 0 ? 'the catalogue is up to date' : applied.map((name) => `applied ${name}`).join('\n'),
        };
      }),
    );
