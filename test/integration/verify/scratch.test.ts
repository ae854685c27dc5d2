import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { removeDeadScratchClusters, withScratchCluster, type ScratchOptions } from '../../../src/postgres/scratch';

let baseDir: string;
beforeEach(async () => {
  baseDir = await mkdtemp('/tmp/hf-test-');
  await import('node:fs/promises').then((fs) => fs.chmod(baseDir, 0o711));
});
afterEach(() => rm(baseDir, { recursive: true, force: true }));

const options = (over: Partial<ScratchOptions> = {}): ScratchOptions => ({
  baseDir,
  binDirs: [],
  minFreeBytes: 0,
  expectedBytes: 0,
  osUser: null,
  major: 15,
  jobs: 2,
  signal: new AbortController().signal,
  ...over,
});
const UTF8 = { encoding: 'UTF8', collate: 'C', ctype: 'C', localeProvider: 'c', icuLocale: null };

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 15_000; !(await condition());) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const serverPid = async (dataDir: string) =>
  Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);

describe('a scratch cluster', () => {
  it('serves on a private socket alone, and is gone afterwards', async () => {
    const seen = await withScratchCluster(options(), async (cluster) => {
      const connection = await cluster.createDatabase('Proof "x"', UTF8);
      const client = new Client({ ...connection, ssl: false });
      await client.connect();
      const { rows } =
        await client.query(`select current_database() as name, current_setting('listen_addresses') as listen,
        current_setting('fsync') as fsync, current_setting('wal_level') as wal`);
      await client.end();
      const folders = await Promise.all([baseDir, connection.host, cluster.dataDir].map((dir) => stat(dir)));
      expect(folders.slice(1).map((facts) => facts.mode & 0o777)).toEqual([0o700, 0o700]);
      return { row: rows[0], pid: await serverPid(cluster.dataDir) };
    });
    expect(seen.row).toEqual({ name: 'Proof "x"', listen: '', fsync: 'off', wal: 'minimal' });
    expect(alive(seen.pid)).toBe(false);
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('is removed when the work fails, and the failure is passed on', async () => {
    await expect(
      withScratchCluster(options(), async () => {
        throw new Error('the work failed');
      }),
    ).rejects.toThrow('the work failed');
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('is removed when the work is cancelled', async () => {
    const controller = new AbortController();
    const running = withScratchCluster(options({ signal: controller.signal }), async (cluster) => {
      setImmediate(() => controller.abort(new Error('cancelled by the test')));
      await once(cluster.signal, 'abort');
      throw new Error('a connection was closed');
    });
    await expect(running).rejects.toThrow('cancelled by the test');
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('is not left half-made when it is cancelled while it starts', async () => {
    const controller = new AbortController();
    const running = withScratchCluster(options({ signal: controller.signal }), async () => undefined);
    await until(async () => (await readdir(baseDir)).length > 0, 'the folder is made');
    controller.abort(new Error('too late'));
    await expect(running).rejects.toThrow('too late');
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('says that the server died, and not that a connection was lost', async () => {
    const running = withScratchCluster(options(), async (cluster) => {
      const client = new Client({ ...cluster.connection('postgres'), ssl: false });
      client.on('error', () => undefined);
      await client.connect();
      process.kill(await serverPid(cluster.dataDir), 'SIGKILL');
      await client.query('select pg_sleep(20)');
    });
    await expect(running).rejects.toMatchObject({ code: 'SCRATCH_SERVER_DIED', fault: 'environment' });
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('refuses a disk that is too full before it starts anything', async () => {
    await expect(withScratchCluster(options({ minFreeBytes: 2 ** 60 }), async () => undefined)).rejects.toMatchObject({
      code: 'SCRATCH_NO_SPACE',
      fault: 'environment',
    });
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('gives up when the disk runs full under it', async () => {
    const free = await import('node:fs/promises').then((fs) => fs.statfs(baseDir)).then((s) => s.bavail * s.bsize);
    const watched = { ...options({ minFreeBytes: 0 }) };
    const running = withScratchCluster(watched, async (cluster) => {
      Object.assign(watched, { minFreeBytes: free * 4 });
      await once(cluster.signal, 'abort');
      throw new Error('could not write');
    });
    await expect(running).rejects.toMatchObject({ code: 'SCRATCH_NO_SPACE' });
  });

  it('names the version when no server is new enough', async () => {
    await expect(withScratchCluster(options({ major: 99 }), async () => undefined)).rejects.toMatchObject({
      code: 'SCRATCH_NO_SERVER',
      fault: 'environment',
    });
    expect(await readdir(baseDir)).toEqual([]);
  });

  it('keeps the socket path short where the folder is deep', async () => {
    const deep = join(baseDir, 'd'.repeat(60), 'e'.repeat(60));
    await withScratchCluster(options({ baseDir: deep }), async (cluster) => {
      expect(cluster.connection('postgres').host.length).toBeLessThan(80);
    });
    expect(await readdir(deep)).toEqual([]);
  });

  it('ends its server and frees its disk when its owner is killed, and the next sweep takes the rest', async () => {
    const child = spawn(
      process.execPath,
      ['test/support/run-ts.cjs', 'test/integration/verify/hold-scratch.ts', baseDir],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const line = await once(createInterface(child.stdout), 'line').then(([text]) => JSON.parse(text as string));
    const pid = await serverPid(line.dataDir);
    expect(await removeDeadScratchClusters(baseDir)).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(async () => !alive(pid), 'the server ends');
    await until(async () => (await stat(line.dataDir).catch(() => null)) === null, 'the data is removed');
    await removeDeadScratchClusters(baseDir);
    expect(await readdir(baseDir)).toEqual([]);
  });
});
