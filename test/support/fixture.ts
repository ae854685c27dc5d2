/** Loads a SQL file of test/fixtures/sql through psql. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestTarget } from './postgres';

export function loadFixture(binDir: string, target: TestTarget, file: string): void {
  execFileSync(join(binDir, 'psql'), ['-X', '-q', '-o', '/dev/null', '-f', join(__dirname, '../fixtures/sql', file)], {
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      PGCLIENTENCODING: 'UTF8',
      PGHOST: target.host,
      PGPORT: String(target.port),
      PGUSER: target.user,
      PGDATABASE: target.database,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
