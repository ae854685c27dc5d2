/** The traps of Supabase Storage, each over real sockets against the stand-in. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createStore } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { realTiming } from '../../src/storage/timing';
import { TUS_CHUNK } from '../../src/storage/supabase/tus-upload';
import { startHttpFront, type HttpFront } from '../support/http-front';
import { startSupabaseServer, type SupabaseServerOptions, type SupabaseTestServer } from '../support/supabase-server';

const MIB = 1024 * 1024;

describe('a Supabase store', () => {
  let server: SupabaseTestServer;
  const stores: ObjectStore[] = [];
  const start = async (options: SupabaseServerOptions = {}) => {
    server = await startSupabaseServer(options);
    server.createBucket('backups');
  };
  const open = (settings: Record<string, unknown> = {}, secrets = server.secrets): ObjectStore => {
    const store = createStore(server.storeConfig('backups', settings), secrets);
    stores.push(store);
    return store;
  };
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await server.stop();
  });
  const collect = async (store: ObjectStore, prefix = '') => {
    const keys: string[] = [];
    for await (const { key } of store.list(prefix)) keys.push(key);
    return keys;
  };

  describe('that is asked with a key that sees nothing', () => {
    it.each([
      ['signed wrongly', 'STORE_CREDENTIALS_INVALID', () => server.key('service_role', { secret: 'another' })],
      ['expired', 'STORE_CREDENTIALS_EXPIRED', () => server.key('service_role', { expiresIn: -60 })],
      ['of the role anon', 'STORE_ACCESS_DENIED', () => server.key('anon')],
      ['of a role that does not exist', 'STORE_CREDENTIALS_INVALID', () => server.key('nobody')],
      ['that is empty', 'STORE_CREDENTIALS_INVALID', () => ''],
      ['that is no key', 'STORE_CREDENTIALS_INVALID', () => 'rubbish'],
    ])('takes nothing for absent, deleted or empty: a key %s', async (_, code, key) => {
      await start({ publicSeesBuckets: true });
      await open().put('there', Buffer.from('x'));
      const store = open({ tusThreshold: '1MiB' }, () => key());
      await expect(store.head('there')).rejects.toMatchObject({ code });
      await expect(store.get('there')).rejects.toMatchObject({ code });
      await expect(store.delete(['there'])).rejects.toMatchObject({ code });
      await expect(collect(store)).rejects.toMatchObject({ code });
      await expect(store.put('new', Buffer.from('x'))).rejects.toMatchObject({ code });
      await expect(store.put('large', Buffer.alloc(2 * MIB))).rejects.toMatchObject({ code });
      expect(await collect(open())).toEqual(['there']);
    });

    it('says that a bucket is missing, whatever it is asked', async () => {
      await start();
      const store = open({ bucket: 'other', tusThreshold: '1MiB' });
      const missing = { code: 'STORE_BUCKET_MISSING' };
      await expect(store.head('a')).rejects.toMatchObject(missing);
      await expect(store.get('a')).rejects.toMatchObject(missing);
      await expect(store.delete(['a'])).rejects.toMatchObject(missing);
      await expect(collect(store)).rejects.toMatchObject(missing);
      await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(missing);
      await expect(store.put('a', Buffer.alloc(2 * MIB))).rejects.toMatchObject(missing);
    });

    it('names the base URL when it is wrong', async () => {
      await start({ basePath: '/storage/v1' });
      const store = open({ url: `http://127.0.0.1:${server.port}` });
      await expect(store.head('a')).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        hint: expect.stringContaining('url') as string,
      });
    });

    it('uses a new key with the next request', async () => {
      await start();
      let key = server.key('service_role', { expiresIn: -60 });
      const store = open({}, () => key);
      await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_EXPIRED' });
      key = server.key('service_role');
      expect(await store.put('a', Buffer.from('x'), { createOnly: true })).toEqual({ created: true });
    });
  });

  it('reads back what it sent, and sends it again when the store holds something else', async () => {
    await start();
    const body = randomBytes(300_000);
    server.damageNext(1);
    expect(await open().put('a', body, { createOnly: true })).toEqual({ created: true });
    expect((await readFile(server.objectPath('backups', 'a'))).equals(body)).toBe(true);
    expect(server.metadata('backups', 'a')?.['sha256']).toMatch(/^[0-9a-f]{64}$/);

    server.damageNext(1);
    await open({ verifyUploads: false }).put('b', body);
    expect((await readFile(server.objectPath('backups', 'b'))).equals(body)).toBe(false);
  }, 30_000);

  it('leaves no damaged object under the name when every attempt is damaged', async () => {
    await start();
    server.damageNext(10);
    const store = open({ limits: { retries: 0 } });
    await expect(store.put('a', randomBytes(1000))).rejects.toMatchObject({ code: 'STORE_TRANSFER_DAMAGED' });
    expect(await store.head('a')).toBeNull();
  });

  it('goes on after refused uploads that leave their connections hanging', async () => {
    await start();
    const store = open({ limits: { maxRequests: 1, retries: 0, timeout: '20s' } });
    const body = randomBytes(400_000);
    await store.put('a', body, { createOnly: true });
    for (let round = 0; round < 5; round++) {
      expect(await store.put('a', body, { createOnly: true })).toEqual({ created: false });
      expect((await store.get('a')).length).toBe(body.length);
    }
  }, 60_000);

  it('says which limit refuses an object, and does not try again', async () => {
    await start({ fileSizeLimit: 3 * MIB });
    server.createBucket('small', { fileSizeLimit: 100_000 });
    server.createBucket('pictures', { allowedMimeTypes: ['image/png'] });
    const large = { code: 'STORE_OBJECT_TOO_LARGE', retryable: false };
    await expect(open({ bucket: 'small' }).put('a', randomBytes(100_001))).rejects.toMatchObject(large);
    expect(await open({ bucket: 'small' }).put('a', randomBytes(100_000))).toEqual({ created: true });
    await expect(open({ tusThreshold: '1MiB' }).put('a', randomBytes(4 * MIB))).rejects.toMatchObject(large);
    for (const tusThreshold of ['1MiB', '1KiB'])
      await expect(open({ bucket: 'pictures', tusThreshold }).put('a', randomBytes(10_000))).rejects.toMatchObject({
        code: 'STORE_REFUSED',
        hint: expect.stringContaining('allowed_mime_types') as string,
      });
    expect(await server.unfinishedUploads()).toBe(0);
  });

  describe('by TUS', () => {
    const patches = () => server.requests.filter(({ method }) => method === 'PATCH');
    const sizes = () => patches().map(({ headers }) => Number(headers['content-length']));

    it('sends chunks of exactly 6 MiB, behind a Location of https:// too', async () => {
      await start({ httpsLocation: true });
      const body = randomBytes(2 * TUS_CHUNK + 5);
      expect(await open().put('large', body, { createOnly: true })).toEqual({ created: true });
      expect(sizes()).toEqual([TUS_CHUNK, TUS_CHUNK, 5]);
      expect(new Set(patches().map(({ headers }) => headers['x-upsert']))).toEqual(new Set(['false']));
      expect(await open().put('large', body)).toEqual({ created: true });
      expect(patches().at(-1)?.headers['x-upsert']).toBe('true');
    }, 60_000);

    it('goes on from the offset that the store states after its connection was cut', async () => {
      await start();
      const body = randomBytes(3 * TUS_CHUNK);
      server.cutNextPatch(2);
      expect(await open().put('large', body, { createOnly: true })).toEqual({ created: true });
      expect((await readFile(server.objectPath('backups', 'large'))).equals(body)).toBe(true);
      expect(
        server.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/resumable')),
      ).toHaveLength(1);
      expect(server.requests.some(({ method }) => method === 'HEAD')).toBe(true);
    }, 60_000);

    it('goes on after the server died in the middle of a chunk and lost it', async () => {
      await start();
      const body = randomBytes(3 * TUS_CHUNK);
      let restarted: Promise<void> | null = null;
      server.onRequest(({ method, headers }) => {
        if (method !== 'PATCH' || Number(headers['upload-offset']) !== TUS_CHUNK || restarted) return;
        restarted = server.kill().then(() => server.start());
        return restarted;
      });
      expect(await open().put('large', body, { createOnly: true })).toEqual({ created: true });
      expect(restarted).not.toBeNull();
      expect((await readFile(server.objectPath('backups', 'large'))).equals(body)).toBe(true);
    }, 60_000);

    it('begins anew when the store has forgotten the upload', async () => {
      await start();
      const body = randomBytes(2 * TUS_CHUNK);
      let forgotten = false;
      server.onRequest(async ({ method, headers }) => {
        if (method !== 'PATCH' || headers['upload-offset'] !== String(TUS_CHUNK) || forgotten) return;
        forgotten = true;
        await server.expireUploads();
      });
      expect(await open().put('large', body, { createOnly: true })).toEqual({ created: true });
      expect(forgotten).toBe(true);
      expect((await readFile(server.objectPath('backups', 'large'))).equals(body)).toBe(true);
    }, 60_000);

    it('never takes the object of another for its own when that was there before the last chunk', async () => {
      await start();
      const body = randomBytes(TUS_CHUNK + 10);
      const other = Buffer.from('the other was first');
      let lost = false;
      server.onRequest(async ({ method, headers }) => {
        if (method !== 'PATCH' || headers['upload-offset'] !== String(TUS_CHUNK) || lost) return;
        lost = true;
        await open().put('large', other, { createOnly: true });
      });
      expect(await open().put('large', body, { createOnly: true })).toEqual({ created: false });
      expect((await open().get('large')).equals(other)).toBe(true);
      expect(await server.unfinishedUploads()).toBe(0);
    }, 60_000);

    describe('whose last answer was lost, so that the upload looks complete', () => {
      const body = randomBytes(TUS_CHUNK + 10);
      let front: HttpFront;
      let lost: number;
      afterEach(() => front.stop());
      const openBehind = async (): Promise<ObjectStore> => {
        front = await startHttpFront(server.port);
        lost = 0;
        front.decide = ({ method, headers }) => {
          if (method !== 'PATCH' || headers['upload-offset'] !== String(TUS_CHUNK) || lost > 0) return 'pass';
          lost++;
          return 'lose-answer';
        };
        return open({ url: `http://127.0.0.1:${front.port}` });
      };
      const requests = (method: string) => front.seen.filter((line) => line.startsWith(`${method} /upload`)).length;

      it.each([true, false])(
        'knows its own object (create-only: %s)',
        async (createOnly) => {
          await start();
          const store = await openBehind();
          expect(await store.put('large', body, { createOnly })).toEqual({ created: true });
          expect(lost).toBe(1);
          expect([requests('POST'), requests('PATCH'), requests('HEAD')]).toEqual([1, 2, 1]);
          expect((await open().get('large')).equals(body)).toBe(true);
        },
        60_000,
      );

      it('does not take for its own what another writer finished in that moment', async () => {
        await start();
        const store = await openBehind();
        // As large as ours: neither name nor size tells them apart.
        const other = randomBytes(body.length);
        let raced = false;
        server.onFinish(async () => {
          if (raced) return;
          raced = true;
          await open().put('large', other, { createOnly: true });
        });
        expect(await store.put('large', body, { createOnly: true })).toEqual({ created: false });
        expect([raced, lost]).toEqual([true, 1]);
        expect(requests('HEAD')).toBe(1);
        expect((await open().get('large')).equals(other)).toBe(true);
      }, 60_000);

      it('sends everything again when no object came of it', async () => {
        await start();
        const store = await openBehind();
        let failed = false;
        server.onFinish(() => {
          if (failed) return;
          failed = true;
          throw new Error('the database is away');
        });
        expect(await store.put('large', body, { createOnly: true })).toEqual({ created: true });
        expect([failed, lost]).toEqual([true, 1]);
        expect(requests('POST')).toBe(2);
        expect((await open().get('large')).equals(body)).toBe(true);
      }, 60_000);
    });
  });

  describe('whose reading back fails', () => {
    const body = randomBytes(300_000);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const key = `segments/${sha256}`;
    let front: HttpFront;
    afterEach(() => front.stop());

    it.each([
      // As often as the reading back is tried by itself.
      ['is cut off', 2, 'lose-answer' as const, {}],
      // The bound of the whole put ends it.
      ['is never answered', 1, new Promise<'pass'>(() => undefined), { timeout: '1s' }],
    ])(
      'does not take a damaged object for whole by its name and size: it %s',
      async (_, faults, fault, limits) => {
        await start();
        front = await startHttpFront(server.port);
        let reads = 0;
        front.decide = ({ method, url }) =>
          method === 'GET' && url.startsWith('/object/backups/') && ++reads <= faults ? fault : 'pass';
        const config = server.storeConfig('backups', {
          url: `http://127.0.0.1:${front.port}`,
          limits: { retries: 1, ...limits },
        });
        const store = createStore(config, server.secrets, {
          timing: { ...realTiming, sleep: async () => undefined },
        });
        stores.push(store);
        server.damageNext(1);
        expect(await store.put(key, body, { sha256 })).toEqual({ created: true });
        expect(reads).toBeGreaterThan(faults);
        expect((await readFile(server.objectPath('backups', key))).equals(body)).toBe(true);
        expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(2);
      },
      60_000,
    );
  });

  it('leaves no socket open after close', async () => {
    await start();
    const store = open();
    await store.put('a', randomBytes(1000));
    await Promise.all(Array.from({ length: 6 }, () => store.get('a')));
    expect(server.openSockets()).toBeGreaterThan(0);
    await store.close();
    for (let waited = 0; server.openSockets() > 0 && waited < 10_000; waited += 20)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.openSockets()).toBe(0);
    await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });

  it('gives a damaged copy as it is, for the reader to find out', async () => {
    await start();
    await open().put('a', Buffer.from('whole'));
    await writeFile(server.objectPath('backups', 'a'), 'wrong');
    expect((await open().get('a')).toString()).toBe('wrong');
  });
});
