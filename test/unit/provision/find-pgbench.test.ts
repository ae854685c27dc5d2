import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPgbench } from '../../../src/provision';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-pgbench-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(place: string, version: string): string {
  mkdirSync(join(folder, place), { recursive: true });
  const path = join(folder, place, 'pgbench');
  writeFileSync(path, `#!/bin/sh\necho 'pgbench (PostgreSQL) ${version}'\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('the pgbench for a server', () => {
  it('is the one beside its programs', async () => {
    const path = program('server', '15.20 (Debian 15.20-1)');
    program('path', '18.1');
    const found = await findPgbench({ major: 15, binDir: join(folder, 'server') }, { PATH: join(folder, 'path') });
    expect(found).toEqual({ path, version: '15.20' });
  });

  it('is none that is older than the server', async () => {
    program('path', '13.4');
    const server = { major: 99, binDir: join(folder, 'server') };
    expect(await findPgbench(server, { PATH: join(folder, 'path') })).toBeNull();
    const path = program('path', '99beta1');
    expect(await findPgbench(server, { PATH: join(folder, 'path') })).toEqual({ path, version: '99' });
  });
});
