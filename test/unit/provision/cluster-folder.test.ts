import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { prepareClusterFolder, removeClusterFolder } from '../../../src/provision/cluster-folder';

/** As root alone: others run the server themselves, inside the folder. */
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const NOBODY = { name: 'nobody', uid: 65_534, gid: 65_534 };

asRoot('the folder of a cluster whose server may not enter the folder that was asked for', () => {
  let closed: string;
  let folder: string;
  const made: string[] = [];
  beforeEach(() => {
    // mkdtemp makes it for its owner alone.
    closed = mkdtempSync(join(tmpdir(), 'holdfast-closed-'));
    folder = join(closed, 'catalog');
  });
  afterEach(() => {
    removeClusterFolder(folder);
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
    rmSync(closed, { recursive: true, force: true });
  });

  it('stands elsewhere, is linked, and is found again', () => {
    const first = prepareClusterFolder(folder, NOBODY);
    expect(readlinkSync(join(folder, 'cluster'))).toBe(first.root);
    mkdirSync(first.dataDir);
    writeFileSync(join(first.dataDir, 'PG_VERSION'), '15\n');
    expect(prepareClusterFolder(folder, NOBODY)).toEqual(first);
    expect(existsSync(join(first.dataDir, 'PG_VERSION'))).toBe(true);
  });

  it('is not taken over by a folder that was removed and made again, and not lost', () => {
    const first = prepareClusterFolder(folder, NOBODY);
    mkdirSync(first.dataDir);
    writeFileSync(join(first.dataDir, 'PG_VERSION'), '15\n');
    rmSync(folder, { recursive: true });
    const second = prepareClusterFolder(folder, NOBODY);
    expect(existsSync(second.dataDir)).toBe(false);
    const home = dirname(first.root);
    const left = readdirSync(home).filter((name) => name.startsWith(`${basename(first.root)}-left-`));
    made.push(...left.map((name) => join(home, name)));
    expect(left).toHaveLength(1);
    expect(existsSync(join(home, left[0]!, 'data', 'PG_VERSION'))).toBe(true);
  });
});
