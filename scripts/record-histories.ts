/**
 * Records workflow histories into test/replay/histories, from the code as it is now. Run it on released code before a
 * change to workflows, never on the change itself: a history that the changed code wrote replays trivially.
 * `node scripts/ts.js scripts/record-histories.ts LABEL` writes LABEL-success.json and so on.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordHistories } from '../test/support/record-histories';

const FOLDER = join(__dirname, '..', 'test', 'replay', 'histories');

async function main(label: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, history] of Object.entries(await recordHistories()))
    writeFileSync(join(FOLDER, `${label}-${name}.json`), `${JSON.stringify(history)}\n`);
}

const label = process.argv[2];
if (label === undefined || !/^[\w.-]+$/.test(label)) {
  console.error('usage: record-histories LABEL');
  process.exit(2);
}
main(label).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
