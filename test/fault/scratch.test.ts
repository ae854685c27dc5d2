/** Fault 20: the machine is at its end, not the copy. Nothing may be left of the scratch cluster. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BackupReader, ProofRecord } from '../../src/repository/types';
import { removeDeadScratchClusters } from '../../src/postgres/scratch';
import { proveCopy, proveCopyWith } from '../../src/verify/prove-copy';
import { startPostgres, type TestPostgres } from '../support/postgres';
import { proofWorld, SHOP_SQL, type ProofWorld } from '../support/proof';
import { canMountTmpfs, itWhen, NO_TMPFS } from '../support/when';

jest.setTimeout(120_000);

let server: TestPostgres;
let world: ProofWorld;
let reader: BackupReader;
beforeAll(async () => {
  server = await startPostgres();
  world = await proofWorld();
  const shop = await server.createDatabase('shop');
  await server.sql(SHOP_SQL, 'shop');
  await server.sql(
    `CREATE TABLE large AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 30000) i;
     CREATE INDEX ON large (t, i)`,
    'shop',
  );
  reader = await world.backUp(shop);
});
afterAll(async () => {
  await server?.stop();
  await world?.remove();
});

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const end = Date.now() + 20_000; !(await condition());) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Processes that work in a folder, by their command line. */
function processesOf(folder: string): string[] {
  const text = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line.includes(join(folder, 'scratch-')));
}

async function expectNothingLeft(scratchDir = world.scratchDir): Promise<void> {
  expect(await readdir(scratchDir).catch(() => [])).toEqual([]);
  expect(processesOf(scratchDir)).toEqual([]);
}

const itOnSmallDisk = itWhen(canMountTmpfs(), NO_TMPFS);
describe('a disk that is full', () => {
  let small: string;
  beforeAll(async () => {
    small = join(world.dir, 'small');
    await mkdir(small, { mode: 0o711 });
  });
  const onDisk = async (mib: number, work: () => Promise<void>) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0711`, 'tmpfs', small]);
    try {
      await work();
    } finally {
      execFileSync('umount', [small]);
    }
  };
  const scratch = () => ({ ...world.request(reader).scratch, baseDir: small });

  itOnSmallDisk('before anything is restored is found before anything is started', () =>
    onDisk(40, async () => {
      const proof = await proveCopy(world.request(reader, { scratch: scratch() }));
      expect(proof).toMatchObject({ grade: 'intact', failure: { class: 'environment', code: 'SCRATCH_NO_SPACE' } });
      expect(proof.failure!.hint).toContain('scratch.dir');
      await expectNothingLeft(small);
    }),
  );

  itOnSmallDisk('in the middle of the restore is no fault of the copy', () =>
    onDisk(180, async () => {
      // Enough for what the copy needs by its size, until something else takes the rest.
      const filler = join(small, 'filler');
      const proof = await proveCopyWith(
        world.request(reader, {
          scratch: scratch(),
          onProgress: ({ step }) => {
            if (step.startsWith('restoring: rows')) fill(filler);
          },
        }),
        {},
      );
      await rm(filler, { force: true });
      expect(proof.failure).toMatchObject({ class: 'environment' });
      expect(proof.failure!.code).toMatch(/VERIFY_RESOURCES|SCRATCH_NO_SPACE|PG_NO_SPACE|SCRATCH_SERVER_DIED/);
      expect(proof.grade).toBe('intact');
      await expectNothingLeft(small);
    }),
  );
});

let filled = false;
function fill(path: string): void {
  if (filled) return;
  filled = true;
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M'], { stdio: 'ignore' });
  } catch {
    // dd ends with an error when the disk is full: that is what it is for.
  }
}

describe('a server that is killed', () => {
  it('while it restores, is said to have been killed', async () => {
    let killed = false;
    const proof = await proveCopy(
      world.request(reader, {
        onProgress: ({ step }) => {
          if (!step.startsWith('restoring: rows') || killed) return;
          killed = true;
          const [line] = processesOf(world.scratchDir).filter((text) => text.includes('/postgres -D'));
          process.kill(Number(line!.trim().split(/\s+/)[0]), 'SIGKILL');
        },
      }),
    );
    expect(killed).toBe(true);
    expect(proof).toMatchObject({ grade: 'intact', failure: { class: 'environment', code: 'SCRATCH_SERVER_DIED' } });
    await expectNothingLeft();
  });

  it('in one backend, as the memory killer does, is no fault of the copy', async () => {
    let killed = false;
    const proof = await proveCopyWith(world.request(reader), {
      afterRestore: async (cluster) => {
        const pid = Number((await readFile(join(cluster.dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
        const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' });
        const writer = children.split('\n').find((text) => text.includes('checkpointer'))!;
        process.kill(Number(writer.trim().split(/\s+/)[0]), 'SIGKILL');
        killed = true;
      },
    });
    expect(killed).toBe(true);
    if (proof.failure) expect(proof.failure.class).toBe('environment');
    else expect(proof.grade).toBe('exact');
    await expectNothingLeft();
  });
});

describe('a process that proves', () => {
  const child = (settle: string, wrapper: readonly string[] = []) => {
    const { storeDir, keyDir, scratchDir } = world;
    const command = [
      ...wrapper,
      process.execPath,
      'test/support/run-ts.cjs',
      'test/integration/verify/prove-child.ts',
      JSON.stringify({ storeDir, keyDir, scratchDir, settle }),
    ];
    return spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  };

  it.each([28, 40])('with no more than %i file descriptors blames itself, not the copy', async (count) => {
    const running = child('never', ['/bin/sh', '-c', `ulimit -n ${count}; exec "$@"`, 'sh']);
    const lines: string[] = [];
    createInterface(running.stdout).on('line', (line) => lines.push(line));
    await once(running, 'close');
    const proof = JSON.parse(lines.at(-1)!) as ProofRecord;
    expect(proof).toMatchObject({ grade: 'intact', failure: { class: 'environment' } });
    expect(proof.failure!.message).toMatch(/EMFILE|file descriptors|too many open files/i);
    await expectNothingLeft();
  });

  it.each(['restoring: rows', 'restoring: post-data', 'comparing rows'])(
    'and is killed at "%s" leaves no server, and the next one sweeps its folder',
    async (settle) => {
      const running = child(settle);
      await once(createInterface(running.stdout), 'line');
      expect(processesOf(world.scratchDir)).not.toEqual([]);
      running.kill('SIGKILL');
      await once(running, 'exit');
      await until(() => processesOf(world.scratchDir).length === 0, 'the server ends');
      await removeDeadScratchClusters(world.scratchDir);
      await expectNothingLeft();
    },
  );

  it('finds a base folder that its server may not pass through, and opens it', async () => {
    await chmod(world.scratchDir, 0o700);
    expect(await proveCopy(world.request(reader, { grade: 'restored' }))).toMatchObject({ grade: 'restored' });
    await expectNothingLeft();
  });
});
