import type { BackupEngine } from '../engine';
import { dumpLogical } from './dump';
import { restoreLogical } from './restore';

export { readBackQuery } from './copy-statement';
export { GLOBALS_FILE, SCHEMA_FILE } from './dump';

/** Logical backups of one database: any PostgreSQL from 13 on whose rows a role may read. */
export function createLogicalEngine(): BackupEngine {
  return { kind: 'logical', dump: dumpLogical, restore: restoreLogical };
}
