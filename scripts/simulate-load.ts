/**
 * Fills the catalogue of a configuration with two weeks of a shop's load and backups, up to now, so that the reports can be
 * looked at: `node scripts/ts.js scripts/simulate-load.ts --config holdfast.yaml --database shop`. For development: it refuses
 * a database of which the catalogue knows a backup or a sample already.
 */
import { parseArgs } from 'node:util';
import { load, openCatalog } from '../src/cli/lazy';
import { loadConfig } from '../src/config/load';
import { loadRulesOf } from '../src/config/load-rules';
import { toConnectionTarget } from '../src/config/secrets';
import { fillWithHistory } from '../test/support/simulated-load';

const USAGE = 'usage: simulate-load --config FILE --database NAME [--days 14] [--seed 1]';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: 'holdfast.yaml' },
      database: { type: 'string' },
      days: { type: 'string', default: '14' },
      seed: { type: 'string', default: '1' },
    },
  });
  const config = await loadConfig(values.config);
  const database = config.databases.find(({ name }) => name === values.database);
  const [days, seed] = [Number(values.days), Number(values.seed)];
  if (database === undefined || !Number.isInteger(days) || days < 1 || !Number.isInteger(seed)) throw new Error(USAGE);
  await load.migrate().migrate(await toConnectionTarget(config.catalog.connection, 'catalog'), config.catalog.schema);
  const catalog = await openCatalog(config);
  try {
    const { name } = database;
    const known = [
      ...(await catalog.jobs({ database: name, includeDeleted: true, limit: 1 })),
      ...(await catalog.loadSamples({ database: name, from: new Date(0), limit: 1 })),
    ];
    if (known.length > 0)
      throw new Error(`the catalogue knows ${name} already: simulated figures would mix with its own`);
    const { timeZone } = loadRulesOf(config.load, database, config.worker);
    const stores = config.stores.map((store) => store.name);
    const now = new Date(Math.floor(Date.now() / 60_000) * 60_000);
    await fillWithHistory(catalog, { database: name, timeZone, now, days, seed, stores });
    console.log(`${days} days of load and backups of ${name} up to ${now.toISOString()}, seed ${seed}`);
  } finally {
    await catalog.close();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
