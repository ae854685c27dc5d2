import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoError } from '../../errors/demo';
import {
  endEmbeddedPostgres,
  identityOf,
  isSameProcess,
  removeClusterFolder,
  stopLeftover,
  type ProcessIdentity,
} from '../../provision';

const MARK = 'this-is-a-holdfast-demo.json';

/** Parts of the demo below its folder. */
export const PARTS = {
  postgres: 'postgres',
  temporal: 'temporal',
  s3: 's3',
  gcs: 'gcs',
  worker: 'worker',
  users: 'users',
  rush: 'rush',
} as const;

/**
 * Makes the demo's folder empty. What a killed demo left running is ended first. A folder that no demo made is not
 * touched, and neither is one whose demo still runs.
 */
export async function freshFolder(folder: string): Promise<void> {
  const mark = join(folder, MARK);
  if (existsSync(mark)) {
    const owner = JSON.parse(readFileSync(mark, 'utf8')) as ProcessIdentity;
    if (owner.pid !== process.pid && isSameProcess(owner))
      throw demoError('DEMO_FOLDER_IN_USE', '', { context: { folder, pid: owner.pid } });
    await removeDemo(folder);
  } else if (existsSync(folder) && readdirSync(folder).length > 0)
    throw demoError('DEMO_FOLDER_FOREIGN', '', { context: { folder } });
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, JSON.stringify(identityOf(process.pid)));
}

async function removeDemo(folder: string): Promise<void> {
  for (const name of ['users', 'rush', 'worker', 's3', 'gcs', 'temporal'])
    await stopLeftover(join(folder, name, `${name}.pid`));
  await endEmbeddedPostgres(join(folder, PARTS.postgres));
  removeClusterFolder(join(folder, PARTS.postgres));
  rmSync(folder, { recursive: true, force: true });
}
