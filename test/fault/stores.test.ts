/** What happens at the stores when networks, servers and disks fail: faults 4, 7 and 8, full and read-only disks, killed writers. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { filesystemStoreSchema } from '../../src/config/schema';
import { createStore, type StoreMetrics } from '../../src/storage/create-store';
import type { StoreRequestEvent, StoreRetryEvent } from '../../src/storage/decorators/metrics';
import type { ObjectStore } from '../../src/storage/object-store';
import { realTiming, type Timing } from '../../src/storage/timing';
import { startS3Server, type S3TestServer } from '../support/s3-server';
import { tempFolder, type TempFolder } from '../support/temp';
import { canMountTmpfs, itWhen, NO_TMPFS } from '../support/when';
import { startToxiproxy, type ToxicProxy, type Toxiproxy } from '../support/toxiproxy';

const MIB = 1024 * 1024;

class Recorder implements StoreMetrics {
  readonly requests: StoreRequestEvent[] = [];
  readonly retries: StoreRetryEvent[] = [];
  onRetry: (event: StoreRetryEvent) => void = () => undefined;

  request(event: StoreRequestEvent): void {
    this.requests.push(event);
  }
  retry(event: StoreRetryEvent): void {
    this.retries.push(event);
    this.onRetry(event);
  }
  count(operation: string, outcome?: string): number {
    return this.requests.filter((r) => r.operation === operation && (!outcome || r.outcome === outcome)).length;
  }
}

/** Waits a little, so that a fault lifted on a retry is lifted before the next attempt. */
const shortWaits: Timing = { ...realTiming, sleep: (_, signal) => realTiming.sleep(150, signal) };

describe('an S3 store behind a bad network', () => {
  let server: S3TestServer;
  let toxiproxy: Toxiproxy;
  let proxy: ToxicProxy;
  let recorder: Recorder;
  const opened: ObjectStore[] = [];

  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket('faults');
    toxiproxy = await startToxiproxy();
  }, 60_000);
  afterAll(async () => {
    await toxiproxy?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    proxy = await toxiproxy.proxy(`127.0.0.1:${server.port}`);
    recorder = new Recorder();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  const open = (
    port: number,
    metrics: StoreMetrics,
    limits: Record<string, unknown> = {},
    timing: Timing = shortWaits,
  ) => {
    const config = server.storeConfig('faults', {
      endpoint: `http://127.0.0.1:${port}`,
      prefix: randomBytes(4).toString('hex'),
      limits,
    });
    const store = createStore(config, server.secrets, { metrics, timing });
    opened.push(store);
    return store;
  };
  const named = (bytes: number) => {
    const body = randomBytes(bytes);
    const sha256 = createHash('sha256').update(body).digest('hex');
    return { body, sha256, key: `segments/${sha256.slice(0, 2)}/${sha256}` };
  };

  it('sends only that object again whose connection was reset half-way; the other store sees nothing of it', async () => {
    const direct = new Recorder();
    const [store, other] = [
      open(proxy.port, recorder, { maxRequests: 1 }),
      open(server.port, direct, { maxRequests: 1 }),
    ];
    const objects = Array.from({ length: 5 }, () => named(4 * MIB));
    for (const [index, { key, body, sha256 }] of objects.entries()) {
      const puts = Promise.all([
        store.put(key, body, { sha256, createOnly: true }),
        other.put(key, body, { sha256, createOnly: true }),
      ]);
      if (index === 2) {
        // 4 MiB take two seconds now, so the reset comes in the middle.
        const lift = [
          await proxy.add({ type: 'bandwidth', stream: 'upstream', attributes: { rate: 2_000 } }),
          await proxy.add({ type: 'reset_peer', stream: 'upstream', attributes: { timeout: 200 } }),
        ];
        recorder.onRetry = () => void Promise.all(lift.splice(0).map((remove) => remove()));
      }
      expect(await puts).toEqual([{ created: true }, { created: true }]);
    }
    expect(recorder.retries).toHaveLength(1);
    expect(recorder.retries[0]).toMatchObject({ operation: 'put', code: 'STORE_UNREACHABLE' });
    expect(recorder.count('put')).toBe(6);
    expect(direct.requests.map(({ outcome }) => outcome)).toEqual(Array(5).fill('ok'));
    for (const { key, body } of objects) expect((await store.get(key)).equals(body)).toBe(true);
  }, 60_000);

  it.each([
    { title: 'create-only', createOnly: true, created: false },
    { title: 'named by content', createOnly: false, created: true },
  ])(
    'finds an object that the store took although its answer was lost ($title)',
    async ({ createOnly, created }) => {
      const store = open(proxy.port, recorder);
      const { key, body, sha256 } = named(2 * MIB);
      const lift = await proxy.add({ type: 'limit_data', stream: 'downstream', attributes: { bytes: 1 } });
      recorder.onRetry = () => void lift();
      expect(await store.put(key, body, { sha256, createOnly })).toEqual({ created });
      expect(recorder.count('put')).toBe(1);
      expect(recorder.count('head', 'ok')).toBe(1);
      const listed = [];
      for await (const info of store.list('')) listed.push(info);
      expect(listed).toMatchObject([{ key, bytes: body.length }]);
      expect((await store.get(key)).equals(body)).toBe(true);
    },
    30_000,
  );

  it('gives up on a server that takes the request and never answers, and goes on when it answers again', async () => {
    const store = open(proxy.port, recorder, { timeout: '400ms', retries: 3 });
    const lift = await proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
    recorder.onRetry = () => void lift().catch(() => undefined);
    const { key, body, sha256 } = named(1000);
    await store.put(key, body, { sha256, createOnly: true });
    expect(recorder.retries[0]).toMatchObject({ code: 'STORE_TIMEOUT' });
    expect((await store.get(key)).equals(body)).toBe(true);
  }, 30_000);

  it('reads an object again whose answer was cut off', async () => {
    const store = open(proxy.port, recorder);
    const { key, body, sha256 } = named(3 * MIB);
    await store.put(key, body, { sha256 });
    const lift = await proxy.add({ type: 'limit_data', stream: 'downstream', attributes: { bytes: MIB } });
    recorder.onRetry = () => void lift();
    expect((await store.get(key)).equals(body)).toBe(true);
    expect(recorder.count('get')).toBe(2);
  }, 30_000);

  it('says that the store is unreachable when it stays away, after the retries that were asked for', async () => {
    await proxy.enable(false);
    const store = open(proxy.port, recorder, { retries: 2 });
    await expect(store.head('a')).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
      context: expect.objectContaining({ provider: 'ECONNREFUSED' }),
    });
    expect(recorder.count('head')).toBe(3);
  }, 30_000);

  it('stops waiting between attempts as soon as the caller cancels', async () => {
    await proxy.enable(false);
    const controller = new AbortController();
    const reason = new Error('cancelled');
    recorder.onRetry = () => controller.abort(reason);
    const store = open(proxy.port, recorder, {}, { ...realTiming, random: () => 1 });
    await expect(store.put('a', Buffer.from('x'), { signal: controller.signal })).rejects.toBe(reason);
    expect(recorder.count('put')).toBe(1);
  }, 30_000);

  it('outlasts thirty seconds of 503 and 429 by backing off with full jitter', async () => {
    // A clock that only sleeping moves: the thirty seconds pass without being waited for.
    let clock = 0;
    const timing: Timing = {
      now: () => clock,
      random: Math.random,
      sleep: async (ms) => void (clock += ms),
    };
    const front = await startFront(server.port, (n) => (clock < 30_000 ? (n % 2 ? 503 : 429) : null));
    try {
      const store = open((front.address() as AddressInfo).port, recorder, {}, timing);
      const objects = Array.from({ length: 4 }, () => named(10_000));
      await Promise.all(objects.map(({ key, body, sha256 }) => store.put(key, body, { sha256, createOnly: true })));
      for (const { key, body } of objects) expect((await store.get(key)).equals(body)).toBe(true);
    } finally {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
    }
    expect(recorder.retries.every(({ code }) => code === 'STORE_THROTTLED')).toBe(true);
    for (const { attempt, delayMs } of recorder.retries)
      expect(delayMs).toBeLessThanOrEqual(Math.min(30_000, 500 * 2 ** (attempt - 1)));
    expect(new Set(recorder.retries.map(({ delayMs }) => delayMs)).size).toBe(recorder.retries.length);
  }, 30_000);

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

/** A server that answers as told, or passes the request on (with its headers as they are, so signatures hold). */
async function startFront(upstream: number, answer: (request: number) => number | null): Promise<Server> {
  let count = 0;
  const front = createServer((incoming, outgoing) => {
    const status = answer(count++);
    if (status !== null) {
      incoming.resume();
      incoming.on('end', () => outgoing.writeHead(status, { 'content-type': 'text/plain' }).end('busy'));
      return;
    }
    const { method, headers, url } = incoming;
    const onward = request({ host: '127.0.0.1', port: upstream, method, headers, path: url }, (reply) => {
      outgoing.writeHead(reply.statusCode!, reply.headers);
      reply.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  return front;
}
