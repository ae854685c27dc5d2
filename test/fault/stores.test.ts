/** What happens at the stores when settings are wrong and disks fail: full and read-only disks, disks that go away, killed writers. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { filesystemStoreSchema } from '../../src/config/schema';
import { createStore } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { startS3Server, type S3TestServer } from '../support/s3-server';
import { tempFolder, type TempFolder } from '../support/temp';
import { canMountTmpfs, itWhen, NO_TMPFS } from '../support/when';

const MIB = 1024 * 1024;

describe('an S3 store that is configured wrongly', () => {
  let server: S3TestServer;
  const opened: ObjectStore[] = [];

  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket('faults');
  }, 60_000);
  afterAll(() => server?.stop());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  it('names what is wrong with the settings: bucket, key, secret, region', async () => {
    const codeOf = async (overrides: Record<string, unknown>, secrets = server.secrets) => {
      const store = createStore(server.storeConfig('faults', overrides), secrets);
      opened.push(store);
      const errors = await Promise.all(
        [store.put('a', Buffer.from('x')), store.head('a'), store.get('a'), store.delete(['a'])].map((call) =>
          call.then(
            () => 'no error',
            (error: { code: string }) => error.code,
          ),
        ),
      );
      return [...new Set(errors)];
    };
    expect(await codeOf({ bucket: 'no-such-bucket' })).toEqual(['STORE_BUCKET_MISSING']);
    expect(await codeOf({}, (ref) => (ref.endsWith('KEY') ? 'nobody' : 'x'))).toEqual(['STORE_CREDENTIALS_INVALID']);
    expect(await codeOf({}, (ref) => (ref.endsWith('KEY') ? server.accessKeyId : 'wrong'))).toEqual([
      'STORE_CREDENTIALS_INVALID',
    ]);
    expect(await codeOf({ region: 'eu-west-3' })).toEqual(['STORE_REGION_WRONG']);
  }, 30_000);

  it('uses a rotated secret with the next request', async () => {
    let secret = 'not yet valid';
    const store = createStore(server.storeConfig('faults'), (ref) =>
      ref.endsWith('KEY') ? server.accessKeyId : secret,
    );
    opened.push(store);
    await expect(store.head('a')).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
    secret = server.secretAccessKey;
    expect(await store.head('a')).toBeNull();
  });
});

describe('a filesystem store on a bad disk', () => {
  let temp: TempFolder;
  const mounted: string[] = [];

  beforeEach(async () => {
    temp = await tempFolder('disk');
  });
  afterEach(async () => {
    for (const folder of mounted.splice(0)) execFileSync('umount', [folder]);
    await temp.remove();
  });

  const open = (folder: string, minFree = '0B') =>
    createStore(
      filesystemStoreSchema.parse({
        name: 'disk',
        adapter: 'filesystem',
        path: folder,
        minFree,
        limits: { retries: 0 },
      }),
      () => '',
    );
  const itOnSmallDisk = itWhen(canMountTmpfs(), NO_TMPFS);
  const mount = async (options: string): Promise<string> => {
    const folder = path.join(temp.path, 'mount');
    await mkdir(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
    mounted.push(folder);
    return folder;
  };

  it('refuses a write that would leave less than minFree, and leaves no trace of it', async () => {
    const store = open(temp.path, '9999TiB');
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_FULL', retryable: false });
    expect(await store.head('a')).toBeNull();
    expect(await readdir(path.join(temp.path, '.holdfast-tmp'))).toEqual([]);
  });

  itOnSmallDisk(
    'says that a small disk is full, keeps what is stored, and goes on when there is space again',
    async () => {
      const folder = await mount('size=6m');
      const store = open(folder);
      const body = randomBytes(2 * MIB);
      const results = await Promise.allSettled(
        ['a', 'b', 'c', 'd'].map((key) => store.put(key, body, { createOnly: true })),
      );
      const full = results.filter((result) => result.status === 'rejected');
      expect(full.length).toBeGreaterThan(0);
      for (const { reason } of full) expect(reason).toMatchObject({ code: 'STORE_FULL' });
      const kept: string[] = [];
      for await (const { key, bytes } of store.list('')) {
        expect(bytes).toBe(body.length);
        kept.push(key);
      }
      expect(kept).toHaveLength(results.length - full.length);
      expect(await readdir(path.join(folder, '.holdfast-tmp'))).toEqual([]);
      await store.delete(kept);
      await store.put('e', body);
      expect((await store.get('e')).equals(body)).toBe(true);
    },
  );

  itOnSmallDisk(
    'does not write to the folder that its disk was mounted at, and goes on when it is mounted again',
    async () => {
      const folder = await mount('size=6m');
      const store = open(path.join(folder, 'store'));
      await store.put('a', Buffer.from('kept'));
      const elsewhere = path.join(temp.path, 'elsewhere');
      await mkdir(elsewhere);
      // The disk moves away: what is left is the empty folder it was mounted at.
      execFileSync('mount', ['--bind', folder, elsewhere]);
      execFileSync('umount', [folder]);
      mounted.splice(0, 1, elsewhere);
      for (const call of [() => store.put('b', Buffer.from('x')), () => store.get('a'), () => store.head('a')])
        await expect(call()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      expect(await readdir(folder)).toEqual([]);
      execFileSync('mount', ['--bind', elsewhere, folder]);
      mounted.unshift(folder);
      await store.put('b', Buffer.from('x'));
      expect((await store.get('a')).toString()).toBe('kept');
    },
    60_000,
  );

  itOnSmallDisk('says that a filesystem is read-only, and still reads from it', async () => {
    const folder = await mount('size=1m');
    const store = open(folder);
    await store.put('a', Buffer.from('kept'));
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    await expect(store.put('b', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_READ_ONLY', retryable: false });
    await expect(store.delete(['a'])).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    expect((await store.get('a')).toString()).toBe('kept');
  });

  it.each([1, 3, 6])(
    'holds only whole objects after its writer was killed in mid-work (%i stored)',
    async (stored) => {
      const folder = path.join(temp.path, 'killed');
      const writer = spawn(process.execPath, [
        path.join(__dirname, '../support/run-ts.cjs'),
        path.join(__dirname, '../support/endless-writer.ts'),
        folder,
      ]);
      const acknowledged: string[] = [];
      const ended = new Promise((resolve) => writer.once('close', resolve));
      let text = '';
      writer.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        acknowledged.splice(0, Infinity, ...text.split('\n').slice(0, -1));
        if (acknowledged.length >= stored) writer.kill('SIGKILL');
      });
      await ended;
      const store = open(folder);
      const found: string[] = [];
      for await (const { key } of store.list('')) {
        const name = path.basename(key);
        found.push(name);
        expect(
          createHash('sha256')
            .update(await store.get(key))
            .digest('hex'),
        ).toBe(name);
      }
      expect(acknowledged.length).toBeGreaterThanOrEqual(stored);
      expect(found).toEqual(expect.arrayContaining(acknowledged));
      // Who takes its place finds them by name, and makes no second one.
      for await (const { key, bytes } of store.list('')) {
        expect(await store.put(key, await store.get(key), { createOnly: true })).toEqual({ created: false });
        expect((await store.head(key))?.bytes).toBe(bytes);
      }
    },
    30_000,
  );

  it('names the folder that this user may not write to', async () => {
    const folder = path.join(temp.path, 'locked');
    await mkdir(folder);
    await chmod(temp.path, 0o755);
    await chmod(folder, 0o555);
    const root = process.geteuid!() === 0;
    if (root) process.seteuid!(65534);
    try {
      await expect(open(folder).put('a', Buffer.from('x'))).rejects.toMatchObject({
        code: 'STORE_ACCESS_DENIED',
        message: expect.stringContaining(folder),
        hint: expect.stringContaining('permission'),
      });
    } finally {
      if (root) process.seteuid!(0);
    }
  });
});
